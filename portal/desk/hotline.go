package desk

import (
	"net/http"

	"chop/registration"
)

// hotlineView is the call in progress. Token is the proof that the caller was verified: good for one act.
type hotlineView struct {
	Items  []registration.Item
	Caller *registration.VerifiedCaller
	Done   bool
}

func hotlinePage(q *request) error {
	return q.show(http.StatusOK, "hotline", "title-hotline", hotlineView{Items: items}, "")
}

// verifyCaller takes the suspension code, or two items that the caller knows.
func verifyCaller(q *request) error {
	p := registration.Proof{SuspensionCode: q.field("code"), Items: map[registration.Item]string{}}
	for _, i := range items {
		if v := q.field(string(i)); v != "" {
			p.Items[i] = v
		}
	}
	c, err := q.desk.c.Registry.VerifyCaller(q.Context(), q.caller(), p)
	if err != nil {
		text, status, ok := q.words(err)
		if !ok {
			return err
		}
		return q.show(status, "hotline", "title-hotline", hotlineView{Items: items}, text)
	}
	return q.show(http.StatusOK, "hotline", "title-hotline", hotlineView{Items: items, Caller: c}, "")
}

func hotlineSuspend(q *request) error {
	err := q.desk.c.Registry.Suspend(q.Context(), q.caller(), q.field("account"), q.field("token"), q.field("reason"))
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "hotline", "title-hotline", hotlineView{Items: items, Done: true}, "")
}
