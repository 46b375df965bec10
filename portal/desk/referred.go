package desk

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"chop/registration"
)

// Cases of people's own phones that wait for a reviewer. The pictures are in two answers of their own that no browser
// keeps, while the case waits; with the decision they are gone, and a page that still shows them leaves.

// referredView is what waits.
type referredView struct{ List []*registration.Referral }

func referredPage(q *request) error {
	list, err := q.desk.c.Registry.Referrals(q.Context(), q.caller())
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "referred", "title-referred", referredView{list}, "")
}

// referralView is one case: its data and pictures at the left, what to decide at the right.
type referralView struct {
	*registration.Referral
	Refuse []string // the reasons that there are
	Wrong  bool     // none was chosen
}

func referralPage(q *request) error { return q.referral(http.StatusOK, false) }

func (q *request) referral(status int, wrong bool) error {
	r, err := q.desk.c.Registry.Referral(q.Context(), q.caller(), q.param("id"))
	if err != nil {
		return err
	}
	alert := ""
	if wrong {
		alert = q.desk.texts.in(q.lang, "wrong-refuse")
	}
	return q.show(status, "referral", "title-referral", referralView{r, registration.RefuseReasons, wrong}, alert)
}

func referralPhoto(q *request) error {
	picture, err := q.desk.c.Registry.ReferralPhoto(q.Context(), q.caller(), q.param("id"), q.param("name"))
	if errors.Is(err, registration.ErrNoPhoto) {
		err = registration.ErrNoCase
	}
	if err != nil {
		return err
	}
	defer clear(picture)
	h := q.w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Length", strconv.Itoa(len(picture)))
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	_, _ = q.w.Write(picture) // the browser has gone: nobody is left to tell
	return nil
}

// referralWaits is asked by an open page: 204 while the case waits, 404 once it does not.
func referralWaits(q *request) error {
	if err := q.desk.c.Registry.ReferralWaits(q.Context(), q.caller(), q.param("id")); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// decideReferral takes the decision. A refusal wants one of the reasons.
func decideReferral(q *request) error {
	approve, reason := q.field("decision") == "approve", q.field("reason")
	if approve {
		reason = registration.ApproveReasons[0]
	} else if q.field("decision") != "refuse" || !slices.Contains(registration.RefuseReasons, reason) {
		return q.referral(http.StatusUnprocessableEntity, true)
	}
	if err := q.desk.c.Registry.DecideReferral(q.Context(), q.caller(), q.param("id"), approve, reason); err != nil {
		return err
	}
	return q.seeOther("/referred")
}
