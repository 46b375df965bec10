package department

import (
	"encoding/json"
	"net/http"
	"slices"

	"chop/sealing"
)

type homeView struct {
	Batches []*sealing.Batch
	Single  bool
}

func home(q *request) error {
	list, err := q.book().Batches(q.Context(), q.operator.Department, 100)
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "home", "title-home", homeView{list, q.book().Single(q.operator.Department)}, "")
}

type newView struct {
	Seals  []Seal
	Levels []string
}

// levels in the order of what they promise. The first is what holds without asking anybody later.
var levels = []string{"B-LT", "B-LTA", "B-T", "B-B"}

func newPage(q *request) error {
	seals, err := q.desk.c.Seals(q.Context(), q.operator.Department)
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "new", "title-new", newView{seals, levels}, "")
}

func begin(q *request) error {
	seals, err := q.desk.c.Seals(q.Context(), q.operator.Department)
	if err != nil {
		return err
	}
	n := sealing.NewBatch{Seal: q.PostFormValue("seal"), Level: q.PostFormValue("level"), Reason: q.PostFormValue("reason")}
	if !slices.ContainsFunc(seals, func(s Seal) bool { return s.ID == n.Seal }) {
		return sealing.ErrInvalid
	}
	id, err := q.book().Begin(q.Context(), q.operator, n)
	if err != nil {
		return err
	}
	return q.seeOther("/batches/" + id)
}

// batchView is one batch, and what this operator may do about it.
type batchView struct {
	Batch     *sealing.Batch
	Documents []*sealing.Document
	Seal      string // its name
	Formats   []string
	Ask       *passkeyView
	Approve   *passkeyView
	Own       bool // asked for by this operator
	Bring     bool
	Single    bool
	Texts     map[string]string
	MaxBytes  int
}

func batchPage(q *request) error {
	batch, err := q.book().Batch(q.Context(), q.operator.Department, q.param("id"))
	if err != nil {
		return err
	}
	v := batchView{Batch: batch, Formats: sealing.Formats, Own: batch.AskedBy == q.operator.ID, Single: q.book().Single(batch.Department), MaxBytes: sealing.MaxBytes}
	if v.Documents, err = q.book().Documents(q.Context(), batch.ID); err != nil {
		return err
	}
	seals, err := q.desk.c.Seals(q.Context(), batch.Department)
	if err != nil {
		return err
	}
	v.Seal = batch.Seal
	for _, s := range seals {
		if s.ID == batch.Seal {
			v.Seal = s.Name
		}
	}
	v.Bring = batch.State == sealing.Draft && q.operator.Has(sealing.Sealer)
	if v.Bring && len(v.Documents) > 0 {
		v.Ask, err = q.asked(batch.ID, sealing.ActAsk)
	}
	if err == nil && batch.State == sealing.Asked && q.operator.Has(sealing.Approver) && !v.Own {
		v.Approve, err = q.asked(batch.ID, sealing.ActApprove)
	}
	if err != nil {
		return err
	}
	v.Texts = map[string]string{}
	for _, key := range scriptKeys {
		v.Texts[key] = q.desk.texts.in(q.lang, key)
	}
	return q.show(http.StatusOK, "batch", "title-batch", v, "")
}

// scriptKeys are the texts that department.js writes.
var scriptKeys = []string{"sending", "sent-of", "not-sent", "again", "lost", "sealed-of", "document-waiting", "document-sealing", "document-sealed", "document-refused"}

func ask(q *request) error {
	a, err := q.assertion()
	if err == nil {
		err = q.book().Ask(q.Context(), q.operator, q.param("id"), a)
	}
	if err != nil {
		return err
	}
	return q.seeOther("/batches/" + q.param("id"))
}

func approve(q *request) error {
	a, err := q.assertion()
	if err == nil {
		err = q.book().Approve(q.Context(), q.operator, q.param("id"), a)
	}
	if err != nil {
		return err
	}
	return q.seeOther("/batches/" + q.param("id"))
}

func decline(q *request) error {
	if err := q.book().Decline(q.Context(), q.operator, q.param("id"), q.PostFormValue("reason")); err != nil {
		return err
	}
	return q.seeOther("/batches/" + q.param("id"))
}

func withdraw(q *request) error {
	if err := q.book().Withdraw(q.Context(), q.operator, q.param("id")); err != nil {
		return err
	}
	return q.seeOther("/")
}

// progress is what the page's script asks for while a batch is sealed.
func progress(q *request) error {
	batch, err := q.book().Batch(q.Context(), q.operator.Department, q.param("id"))
	if err != nil {
		return err
	}
	documents, err := q.book().Documents(q.Context(), batch.ID)
	if err != nil {
		return err
	}
	states := make([]string, len(documents))
	for i, d := range documents {
		states[i] = d.State
	}
	q.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(q.w).Encode(map[string]any{
		"state": batch.State, "documents": batch.Documents, "sealed": batch.Sealed, "refused": batch.Refused, "states": states,
	})
}
