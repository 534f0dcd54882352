package app

// Mail is what a function that sends mail is told of it.
type Mail struct {
	From             string // the address that mail comes from
	ConfigurationSet string // of SES; empty for none
}

// Mail gives the settings of mail. For a function that has none it is an error that names what is missing.
func (a *App) Mail() (Mail, error) {
	const from = "MAIL_FROM"
	return Mail{From: a.env.get(from), ConfigurationSet: a.env.get("MAIL_CONFIGURATION_SET")}, a.env.require(from)
}
