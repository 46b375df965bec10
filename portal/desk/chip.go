package desk

import (
	"net/http"

	"chop/registration"
	"chop/registration/kiosk"
)

// A card's chip, read at the counter. The reader's agent brings the card to the server by itself; the officer takes it for
// a case here. What the chip says is shown nowhere before that, and never typed, so no second officer confirms it.

// chipView is what lies at this place's readers.
type chipView struct{ Lying []kiosk.Lying }

func chipPage(q *request) error { return q.chip(http.StatusOK, "") }

func (q *request) chip(status int, alert string) error {
	if q.desk.c.Cards == nil || q.session.caller.Role != "counter" {
		return registration.ErrForbidden
	}
	list, err := q.desk.c.Cards.Lying(q.Context(), q.caller().Place)
	if err != nil {
		return err
	}
	return q.show(status, "chip", "title-chip", chipView{list}, alert)
}

func takeCard(q *request) error {
	if q.desk.c.Cards == nil {
		return registration.ErrForbidden
	}
	contact := registration.Contact{Phone: q.field("phone"), Email: q.field("email"), Language: q.field("language")}
	c, err := q.desk.c.Cards.TakeCard(q.Context(), q.caller(), q.field("card"), contact)
	if err != nil {
		text, status, ok := q.words(err)
		if !ok {
			return err
		}
		return q.chip(status, text)
	}
	return q.seeOther("/cases/" + c.ID)
}
