package desk

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"

	"github.com/skip2/go-qrcode"

	"chop/registration"
	"chop/registration/hkic"
)

// homeView is what waits at this place.
type homeView struct {
	Cases   []*registration.Case
	MayOpen bool
	Readers bool // a card's chip can be read here
}

func home(q *request) error {
	cases, err := q.desk.c.Registry.Cases(q.Context(), q.caller())
	if err != nil && !errors.Is(err, registration.ErrForbidden) {
		return err
	}
	return q.show(http.StatusOK, "home", "title-home", homeView{cases, q.session.caller.Role == "counter", q.desk.c.Cards != nil}, "")
}

func openCase(q *request) error {
	var c *registration.Case
	var err error
	if q.field("purpose") == string(registration.Replacing) {
		c, err = q.desk.c.Registry.OpenReplacement(q.Context(), q.caller())
	} else {
		c, err = q.desk.c.Registry.OpenCase(q.Context(), q.caller(), registration.Full)
	}
	if err != nil {
		return err
	}
	return q.seeOther("/cases/" + c.ID)
}

// caseView is one case: what is known of it at the left, what to decide at the right.
type caseView struct {
	*registration.Case
	Step    int // of five, for the list of steps
	Mine    bool
	Card    *hkic.Card
	Contact *registration.Contact
	Confirm *challenge // the second officer's
	Ticket  *challenge
	QR      template.URL
	Offer   *registration.Offer
	Form    map[string]string // what was typed, after a refusal
	Wrong   string            // which field
}

// stepOf counts a case's way for a person.
var stepOf = map[registration.CaseState]int{
	registration.Opened: 1, registration.Entered: 2, registration.Confirmed: 3, registration.Verified: 4,
	registration.Scanned: 4, registration.Bound: 4, registration.Accepted: 4, registration.Enrolling: 5,
	registration.Ticketed: 5, registration.Made: 5, registration.Issued: 5, registration.Done: 6,
}

func (q *request) caseView(c *registration.Case) (*caseView, error) {
	v := &caseView{Case: c, Step: stepOf[c.State], Mine: c.Officer == q.officer.ID, Form: map[string]string{}}
	reg := q.desk.c.Registry
	switch c.State {
	case registration.Entered:
		card, contact, err := reg.Card(q.Context(), q.caller(), c.ID)
		if errors.Is(err, registration.ErrForbidden) {
			return v, nil
		}
		if err != nil {
			return nil, err
		}
		v.Card, v.Contact = card, contact
		if !v.Mine {
			b, err := reg.ConfirmChallenge(q.Context(), q.caller(), c.ID)
			if err != nil {
				return nil, err
			}
			ch := q.challenge(b, q.officer.PasskeyID)
			v.Confirm = &ch
		}
	case registration.Enrolling:
		if !c.Ready || !v.Mine {
			break
		}
		t, err := reg.Ticket(q.Context(), q.caller(), c.ID)
		if errors.Is(err, registration.ErrNotReady) {
			break
		}
		if err != nil {
			return nil, err
		}
		ch := q.challenge(t.Challenge, t.PasskeyID)
		v.Ticket = &ch
	}
	return v, nil
}

func casePage(q *request) error {
	c, err := q.desk.c.Registry.Case(q.Context(), q.caller(), q.param("id"))
	if err != nil {
		return err
	}
	v, err := q.caseView(c)
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "case", "title-case", v, "")
}

// cardFields are the card form's.
var cardFields = []string{"number", "surname", "given", "chinese", "codes", "birth", "gender", "issued", "first", "symbols", "phone", "email", "language"}

func enterCard(q *request) error {
	card, contact, wrong := q.readCard()
	if wrong == "" {
		c, err := q.desk.c.Registry.EnterCard(q.Context(), q.caller(), q.param("id"), card, contact)
		switch {
		case err == nil:
			return q.seeOther("/cases/" + c.ID)
		case errors.Is(err, registration.ErrContact):
			wrong = "phone"
		case errors.Is(err, hkic.ErrCard):
			wrong = "card"
		default:
			return err
		}
	}
	c, err := q.desk.c.Registry.Case(q.Context(), q.caller(), q.param("id"))
	if err != nil {
		return err
	}
	v, err := q.caseView(c)
	if err != nil {
		return err
	}
	v.Wrong = wrong
	for _, f := range cardFields {
		v.Form[f] = q.field(f)
	}
	return q.show(http.StatusUnprocessableEntity, "case", "title-case", v, q.desk.texts.in(q.lang, "wrong-"+wrong))
}

// readCard reads the form; wrong names the first field that cannot be.
func (q *request) readCard() (card hkic.Card, contact registration.Contact, wrong string) {
	var err error
	if card.Number, err = hkic.Parse(q.field("number")); err != nil {
		return card, contact, "number"
	}
	if card.Birth, err = hkic.ParseDate(q.field("birth")); err != nil {
		return card, contact, "birth"
	}
	if card.Issued, err = hkic.ParseIssue(q.field("issued"), q.desk.c.Now()); err != nil {
		return card, contact, "issued"
	}
	card.Surname, card.GivenNames, card.ChineseName = q.field("surname"), q.field("given"), q.field("chinese")
	card.CommercialCodes, card.Gender, card.FirstIssued, card.Symbols = q.field("codes"), q.field("gender"), q.field("first"), q.field("symbols")
	contact = registration.Contact{Phone: q.field("phone"), Email: q.field("email"), Language: q.field("language")}
	if _, err := card.Check(q.desk.c.Now()); err != nil {
		return card, contact, "card"
	}
	return card, contact, ""
}

func confirmCard(q *request) error {
	a, err := q.assertion()
	if err != nil {
		return err
	}
	c, err := q.desk.c.Registry.ConfirmCard(q.Context(), q.caller(), q.param("id"), a)
	if err != nil {
		return err
	}
	return q.seeOther("/cases/" + c.ID)
}

func verifyCase(q *request) error {
	c, err := q.desk.c.Registry.Verify(q.Context(), q.caller(), q.param("id"))
	if err != nil {
		return err
	}
	return q.seeOther("/cases/" + c.ID)
}

// offerBinding shows the code for the phone. It is in this answer only: going back to the case does not show it again.
func offerBinding(q *request) error {
	id := q.param("id")
	offer, err := q.desk.c.Registry.OfferBinding(q.Context(), q.caller(), id, q.session.name())
	if err != nil {
		return err
	}
	c, err := q.desk.c.Registry.Case(q.Context(), q.caller(), id)
	if err != nil {
		return err
	}
	v, err := q.caseView(c)
	if err != nil {
		return err
	}
	png, err := qrcode.Encode(offer.URL, qrcode.Medium, 440)
	if err != nil {
		return err
	}
	v.Offer, v.QR = offer, template.URL("data:image/png;base64,"+base64.StdEncoding.EncodeToString(png))
	return q.show(http.StatusOK, "case", "title-case", v, "")
}

func confirmNumber(q *request) error {
	c, err := q.desk.c.Registry.ConfirmNumber(q.Context(), q.caller(), q.param("id"), q.session.name(), q.field("number"))
	if err != nil {
		return err
	}
	return q.seeOther("/cases/" + c.ID)
}

func presentTicket(q *request) error {
	a, err := q.assertion()
	if err != nil {
		return err
	}
	c, err := q.desk.c.Registry.PresentTicket(q.Context(), q.caller(), q.param("id"), a)
	if err != nil {
		return err
	}
	return q.seeOther("/cases/" + c.ID)
}

func cancelCase(q *request) error {
	reason := q.field("reason")
	if reason == "" {
		reason = "applicant left"
	}
	if err := q.desk.c.Registry.CancelCase(q.Context(), q.caller(), q.param("id"), reason); err != nil {
		return err
	}
	return q.seeOther("/")
}
