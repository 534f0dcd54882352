package task

// texts says of each kind of matter what happened and what to do. A kind is a code of the package that raises it.
func texts() [][2]string { return append(ofRooms(), ofAccounts()...) }

// ofRooms are those of a room whose host, or whose provider, did not do what the diary wants.
func ofRooms() [][2]string {
	return [][2]string{
		{
			"room_time_refused",
			"The practitioner gave the video room another time, which the diary cannot have. The appointment " +
				"stays when it is, and the room gets its time back. Ask the practitioner which time is meant, and " +
				"move the appointment if it is another one.",
		},
		{
			"room_deleted_late",
			"The video room was deleted at the provider when the appointment had begun or could not be " +
				"cancelled any more. Say how the appointment ended; a new room is made by Start call.",
		},
		{
			"room_recovered",
			"The video room of an appointment that was cancelled is there again at the provider. Book the " +
				"appointment again if it is to take place, or ask the practitioner to delete the room.",
		},
		{
			"rooms_lost",
			"A practitioner's video account was disconnected, or nobody connected it again for a week though the " +
				"provider let nobody in, and the rooms of appointments to come went with it. They are made again by " +
				"themselves when that person connects an account under My profile, and the links that the patients " +
				"have stay right. Until then a patient's page says, from ten minutes before the appointment, that " +
				"the call is not ready: tell those whose appointment comes first.",
		},
		{
			"room_started",
			"The video room cannot be changed while a meeting is under way in it. Look whether it is right for " +
				"the appointment, and end the meeting if it is not.",
		},
		{
			"room_ended",
			"The meeting in the video room is over, so the provider does not change it any more. Make a new " +
				"room by Start call if the appointment is still to come.",
		},
		{
			"time_not_taken",
			"The provider keeps another time for the video room than the diary has, as it does with times that " +
				"have passed. The patient's link works all the same; tell the practitioner.",
		},
		{
			"provider_refused",
			"The video provider refuses this room, or to show any where no appointment is named. Ask the " +
				"practitioner to look at the account.",
		},
		{
			"visit_too_long",
			"The video provider has no rooms for so long. Shorten the appointment or make it two.",
		},
	}
}

// ofAccounts are those of a practitioner's account.
func ofAccounts() [][2]string {
	return [][2]string{
		{
			"daily_quota",
			"The provider makes no more rooms for this practitioner today. It is tried again tomorrow; if the " +
				"appointment is today, ask the practitioner to make a meeting by hand.",
		},
		{
			"too_many_changes",
			"The video room was changed so often within an hour that something may be changing it back and " +
				"forth. It is tried again later; ask the practitioner whether another program moves meetings.",
		},
		{
			"needs_reauth",
			"A practitioner's video account must be connected again: visits wait for it. The person does it " +
				"under My profile.",
		},
		{
			"not_host",
			"The provider says that a video room belongs to somebody else, so it may have been replaced. If there is " +
				"no new room, the practitioner must connect the account again under My profile.",
		},
		{
			"not_connected",
			"The practitioner has no video account connected, so this visit has no room. The person connects " +
				"one under My profile.",
		},
	}
}
