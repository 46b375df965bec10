package department

import (
	"encoding/json"
	"net/http"

	"chop/internal/solecontrol"
	"chop/sealing"
)

// passkeyView is what a passkey is asked for.
type passkeyView struct{ RPID, Challenge, User, Passkey string }

func passkeyPage(q *request) error {
	switch q.operator.State {
	case sealing.Active:
		return q.seeOther("/")
	case sealing.Enrolled:
		return q.show(http.StatusOK, "enrolled", "title-enrolled", nil, "")
	}
	challenge, err := q.book().PasskeyChallenge(q.Context(), q.operator.ID)
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "passkey", "title-passkey", passkeyView{q.desk.c.RPID, solecontrol.Bytes(challenge).String(), q.operator.ID, ""}, "")
}

func makePasskey(q *request) error {
	var made solecontrol.Creation
	if err := json.Unmarshal([]byte(q.PostFormValue("passkey")), &made); err != nil {
		return errForm
	}
	if err := q.book().Enrol(q.Context(), q.operator.ID, made); err != nil {
		return err
	}
	return q.seeOther("/passkey")
}

// asked is what the passkey of this operator is to answer to, for an act on a batch.
func (q *request) asked(batch, act string) (*passkeyView, error) {
	challenge, err := q.book().Challenge(q.Context(), q.operator, batch, act)
	if err != nil {
		return nil, err
	}
	return &passkeyView{q.desk.c.RPID, solecontrol.Bytes(challenge[:]).String(), q.operator.ID, solecontrol.Bytes(q.operator.PasskeyID).String()}, nil
}

func (q *request) assertion() (a solecontrol.Assertion, err error) {
	if err := json.Unmarshal([]byte(q.PostFormValue("assertion")), &a); err != nil {
		return a, errForm
	}
	return a, nil
}
