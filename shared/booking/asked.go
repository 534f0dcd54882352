package booking

import (
	"context"
	"slices"
	"strconv"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/fault"
)

// Asked is what a booking is asked besides who, what and when: on whose word it is made, and the answers to the
// service's questions.
type Asked struct {
	OnBehalf string // the id of the patient's representative who books; empty for the patient
	Answers  []Answer
}

// Answer is the answer to one of the service's questions. Both are codes.
type Answer struct {
	QuestionID string `json:"questionId" dynamodbav:"q" maxLength:"40" example:"pregnant"`
	Answer     string `json:"answer" dynamodbav:"a" maxLength:"40" example:"no"`
}

// BookedBy is who booked on a patient's behalf, and what that person is to the patient.
type BookedBy struct {
	RepresentativeID string `json:"representativeId" dynamodbav:"id"`
	Relationship     string `json:"relationship" dynamodbav:"rel"`
}

// ask judges the answers and the representative, and puts both into the appointment. Only somebody who books for
// another costs a read.
func (s *Service) ask(
	ctx context.Context, by access.Caller, service clinic.Service, asked Asked, apt *Appointment,
) error {
	if err := screen(service.Questions, asked.Answers); err != nil {
		return err
	}
	apt.Answers = asked.Answers
	if asked.OnBehalf == "" {
		return nil
	}
	c := s.table.For(by)
	var circle care.Circle
	err := c.Get(ctx, c.Circle(apt.PatientID), &circle)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	i := slices.IndexFunc(circle.Representatives, func(r care.Representative) bool { return r.ID == asked.OnBehalf })
	switch {
	case i < 0:
		return invalid(fault.Detail{
			Code: "unknown_id", Message: "The patient has no such representative.",
			Pointer: "/onBehalf/representativeId",
		})
	case !circle.Representatives[i].Acts(care.MayBook, s.now()):
		return fault.New(fault.Conflict, "may_not_book",
			"This representative may not book for the patient, or not any more.")
	}
	apt.BookedBy = &BookedBy{RepresentativeID: asked.OnBehalf, Relationship: circle.Representatives[i].Relationship}
	return nil
}

// screen compares the answers with the service's questions: each is answered once, with one of its answers. An answer
// that excludes is fault.Conflict "screening_excludes".
func screen(questions []clinic.Question, answers []Answer) error {
	var wrong, excluded []fault.Detail
	seen := map[string]bool{}
	for i, a := range answers {
		at := "/answers/" + strconv.Itoa(i)
		n := slices.IndexFunc(questions, func(q clinic.Question) bool { return q.ID == a.QuestionID })
		switch {
		case n < 0:
			wrong = append(wrong, fault.Detail{
				Code: "unknown_id", Message: "The service does not ask this.", Pointer: at + "/questionId",
			})
		case seen[a.QuestionID]:
			wrong = append(wrong, fault.Detail{
				Code: "not_unique", Message: "Answered twice.", Pointer: at + "/questionId", Resource: questions[n].ID,
			})
		case !slices.Contains(questions[n].Answers(), a.Answer):
			wrong = append(wrong, fault.Detail{
				Code: "not_a_choice", Message: "Must be one of the question's answers.", Pointer: at + "/answer",
				Resource: questions[n].ID, Choices: questions[n].Answers(),
			})
		case slices.Contains(questions[n].Excluding, a.Answer):
			excluded = append(excluded, fault.Detail{
				Code: "answer_excludes", Message: "With this answer the service cannot be booked.",
				Pointer: at + "/answer", Resource: questions[n].ID,
			})
		}
		seen[a.QuestionID] = true
	}
	for _, q := range questions {
		if !seen[q.ID] {
			wrong = append(wrong, fault.Detail{
				Code: "required", Message: "This question of the service must be answered.", Pointer: "/answers",
				Resource: q.ID, Choices: q.Answers(),
			})
		}
	}
	switch {
	case len(wrong) > 0:
		return invalid(wrong...)
	case len(excluded) > 0:
		return fault.New(fault.Conflict, "screening_excludes",
			"By the answers given, this service does not suit the patient. Nothing was booked.", excluded...)
	}
	return nil
}
