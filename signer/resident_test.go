package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"chop/internal/postgres"
	"chop/signer/pades"
)

// From the request to the files, in one approval over three documents.
func TestResidentSigns(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	ctx := t.Context()
	q := r.ask("form.pdf", "annex 附件.pdf", "visible.pdf")
	q.Documents[2].Place = &Place{Page: 1, X: 50, Y: 50, Width: 200, Height: 80}
	s, err := r.Prepare(ctx, r.by, q)
	if err != nil {
		t.Fatal(err)
	}
	if s.State != SigningWaiting || len(s.Code) != 4 || s.Tx == "" || len(s.Documents) != 3 || s.Level != "B-LT" || s.Credential != r.cred {
		t.Fatalf("asked: %+v", s)
	}
	if _, original, err := r.Original(ctx, r.by, s.ID, 0); err != nil || !bytes.HasPrefix(original, q.Documents[0].PDF) {
		t.Errorf("original: %v", err)
	}
	if s := r.state(s.ID); s.State != SigningWaiting {
		t.Errorf("before the approval it is %s", s.State)
	}
	if _, _, err := r.Document(ctx, r.by, s.ID, 0); !errors.Is(err, ErrState) {
		t.Errorf("a file before the approval: %v", err)
	}
	r.approve(s.Tx)
	s = r.state(s.ID)
	if s.State != SigningSigned || s.Tx != "" || s.FilesUntil.IsZero() || s.Renewable || !s.Done() {
		t.Fatalf("approved: %+v", s)
	}
	for n, d := range s.Documents {
		name, pdf, err := r.Document(ctx, r.by, s.ID, n)
		if err != nil || name != q.Documents[n].Name || !bytes.HasPrefix(pdf, q.Documents[n].PDF) || int64(len(pdf)) != d.SignedSize {
			t.Errorf("document %d: %q, %d bytes, %v", n, name, len(pdf), err)
		}
		if !bytes.Contains(pdf, []byte("/DSS")) {
			t.Errorf("document %d is not B-LT", n)
		}
	}
	if n := r.count(`SELECT count(*) FROM signer_signing_document WHERE prepared IS NOT NULL`); n != 0 {
		t.Errorf("%d prepared files were kept", n)
	}
	for action, want := range map[string]int{
		"signer.resident.prepare": 1, "signer.resident.ask": 1, "signer.resident.collect": 1, "signer.resident.sign": 1, "signer.resident.fail": 0,
	} {
		if got := r.events(action); got != want {
			t.Errorf("%s: %d events, want %d", action, got, want)
		}
	}
	if n := r.count(`SELECT count(*) FROM test_letters WHERE kind = 'signed' AND account = $1`, r.by.Account); n != 1 {
		t.Errorf("%d notices", n)
	}
	if n := r.count(`SELECT count(*) FROM audit_pending WHERE detail::text LIKE '%form.pdf%' OR detail::text LIKE '%CHAN%'`); n != 0 {
		t.Errorf("%d events name a document or a person", n)
	}
	r.once(t)

	receipt, err := r.Receipt(ctx, r.by, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(receipt)
	if err != nil || len(receipt.Documents) != 3 || receipt.Approval.Digests["request_sha256"] != hexSum(receipt.Approval.Request) ||
		receipt.Documents[0].TimestampAt.IsZero() || receipt.Certificate.Serial != s.Serial {
		t.Errorf("receipt %s, %v", text, err)
	}
	mine, err := r.Credential(ctx, r.by.Account)
	if err != nil || len(mine) != 1 || mine[0].Signed != 1 || len(mine[0].Certificates) != 1 {
		t.Errorf("credentials %+v, %v", mine, err)
	}
}

// once: nothing was ever signed twice, and all that the device signed was asked of it.
func (r *residentRig) once(t *testing.T) {
	t.Helper()
	for _, n := range r.device.signed {
		if n != 1 {
			t.Errorf("the device signed one thing %d times", n)
		}
	}
}

func TestResidentRefusals(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	ctx := t.Context()
	boom := errors.New("on hold")
	for _, c := range []struct {
		name   string
		change func(*ResidentRequest)
		world  func()
		want   error
	}{
		{"Lite", nil, func() { r.people.stop(r.by.Account, ErrLite) }, ErrLite},
		{"suspended account", nil, func() { r.people.stop(r.by.Account, ErrAccount) }, ErrAccount},
		{"certificate on hold", nil, func() { r.status.bad = boom }, ErrCertificate},
		{"expired certificate", nil, func() { r.skew = 10 * 365 * 24 * time.Hour }, ErrCertificate},
		{"another's credential", func(q *ResidentRequest) { q.Credential = "0190a1b2-0000-7000-8000-000000000000" }, nil, ErrCredentialNotFound},
		{"level of no timestamp", func(q *ResidentRequest) { q.Level = "B-B" }, nil, ErrPolicy},
		{"no documents", func(q *ResidentRequest) { q.Documents = nil }, nil, pades.ErrRequest},
		{"21 documents", func(q *ResidentRequest) { q.Documents = append(q.Documents, make([]ResidentDocument, 20)...) }, nil, pades.ErrRequest},
		{"empty document", func(q *ResidentRequest) { q.Documents[0].PDF = nil }, nil, pades.ErrRequest},
		{"large document", func(q *ResidentRequest) { q.Documents[0].PDF = make([]byte, MaxResidentDocument+1) }, nil, pades.ErrLimit},
		{"large in all", func(q *ResidentRequest) {
			for range 3 {
				q.Documents = append(q.Documents, ResidentDocument{Name: "x", PDF: make([]byte, MaxResidentDocument)})
			}
		}, nil, pades.ErrLimit},
		{"no PDF", func(q *ResidentRequest) { q.Documents[0].PDF = []byte("GIF89a") }, nil, pades.ErrNotPDF},
		{"no such field", func(q *ResidentRequest) { q.Documents[0].Field = "Nowhere" }, nil, pades.ErrFieldNotFound},
		{"no service", func(q *ResidentRequest) { q.Service.Name = "" }, nil, pades.ErrRequest},
		{"no return", func(q *ResidentRequest) { q.Return = "javascript:alert(1)" }, nil, pades.ErrRequest},
		{"misleading name", func(q *ResidentRequest) { q.Documents[0].Name = "form\u202efdp.exe" }, nil, pades.ErrRequest},
		{"a will", func(q *ResidentRequest) { q.DocumentKind, q.KindAcknowledged = "will", true }, nil, ErrExcluded},
		{"a trust, unread", func(q *ResidentRequest) { q.DocumentKind = "trust" }, nil, ErrAcknowledge},
		{"unknown kind", func(q *ResidentRequest) { q.DocumentKind = "poem" }, nil, pades.ErrRequest},
	} {
		q := r.ask("form.pdf")
		if c.change != nil {
			c.change(&q)
		}
		if c.world != nil {
			c.world()
		}
		if s, err := r.Prepare(ctx, r.by, q); !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %+v, %v, want %v", c.name, s, err, c.want)
		}
		r.people.stop(r.by.Account, nil)
		r.status.bad, r.skew = nil, 0
	}
	if n := r.count(`SELECT count(*) FROM signer_signing`) + len(r.device.txs); n != 0 {
		t.Errorf("%d records or questions of refused requests", n)
	}
	q := r.ask("trust.pdf")
	q.DocumentKind, q.KindAcknowledged = "trust", true
	if s, err := r.Prepare(ctx, r.by, q); err != nil || s.DocumentKind != "trust" {
		t.Errorf("an acknowledged warning: %v", err)
	}
}

// A stranger finds nothing, and a seal's service knows no resident's credential.
func TestResidentIsAlone(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	ctx := t.Context()
	s := r.begin("form.pdf")
	other := Caller{Account: "0190a1b2-0000-7000-8000-000000000000"}
	for name, err := range map[string]error{
		"Signing":  second(r.Signing(ctx, other, s.ID)),
		"Cancel":   second(r.Cancel(ctx, other, s.ID)),
		"Renew":    second(r.Renew(ctx, other, s.ID)),
		"Receipt":  second(r.Receipt(ctx, other, s.ID)),
		"Document": third(r.Document(ctx, other, s.ID, 0)),
		"Original": third(r.Original(ctx, other, s.ID, 0)),
		"no id":    second(r.Signing(ctx, r.by, "' OR 1=1")),
	} {
		if !errors.Is(err, ErrSigningNotFound) {
			t.Errorf("%s: %v, want ErrSigningNotFound", name, err)
		}
	}
	if list, err := r.List(ctx, other, Page{}); err != nil || len(list) != 0 {
		t.Errorf("a stranger's history: %v, %v", list, err)
	}
	seals := newRig(t, func(c *Config) { c.DB = r.db })
	req := seals.request(&Credential{ID: r.cred}, seals.document(t, 1000), "out.pdf")
	if err := seals.SignPDF(ctx, req); !errors.Is(err, ErrCredentialNotFound) {
		t.Errorf("a resident's credential for a seal: %v, want ErrCredentialNotFound", err)
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// What ends without a signature ends so, and may be asked again where it may.
func TestResidentEndings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		end            func(*residentRig, *Signing)
		state, failure string
		renewable      bool
		notice         string
	}{
		{"declined", func(r *residentRig, s *Signing) { r.device.decline(s.Tx, "declined") }, SigningDeclined, "declined", true, "declined"},
		{"not me", func(r *residentRig, s *Signing) { r.device.decline(s.Tx, "not-me") }, SigningDeclined, "not-me", true, "not-me"},
		{"expired", func(r *residentRig, s *Signing) { r.skew = 6 * time.Minute }, SigningExpired, "", true, ""},
		{"forgotten by activation", func(r *residentRig, s *Signing) { delete(r.device.txs, s.Tx) }, SigningExpired, "", true, ""},
		{"suspended while waiting", func(r *residentRig, s *Signing) { r.device.suspend() }, SigningFailed, "suspended", false, ""},
		{"cancelled", func(r *residentRig, s *Signing) {
			if _, err := r.Cancel(context.Background(), r.by, s.ID); err != nil {
				t.Error(err)
			}
		}, SigningCancelled, "", true, ""},
		{"not me, and cancelled before anybody looked", func(r *residentRig, s *Signing) {
			r.device.decline(s.Tx, "not-me")
			if got, err := r.Cancel(context.Background(), r.by, s.ID); !errors.Is(err, ErrState) || got == nil || got.State != SigningDeclined {
				t.Errorf("cancelled: %+v, %v", got, err)
			}
		}, SigningDeclined, "not-me", true, "not-me"},
		{"suspended, and cancelled before anybody looked", func(r *residentRig, s *Signing) {
			r.device.suspend()
			if _, err := r.Cancel(context.Background(), r.by, s.ID); !errors.Is(err, ErrState) {
				t.Errorf("cancelled: %v", err)
			}
		}, SigningFailed, "suspended", false, ""},
		{"account suspended after approval", func(r *residentRig, s *Signing) {
			r.approve(s.Tx)
			r.people.stop(r.by.Account, ErrAccount)
		}, SigningFailed, "suspended", false, "failed"},
		{"never collected", func(r *residentRig, s *Signing) {
			r.approve(s.Tx)
			r.device.txs[s.Tx].forgotten = true
		}, SigningFailed, "late", false, "failed"},
		{"another signature", func(r *residentRig, s *Signing) {
			r.approve(s.Tx)
			r.device.lie = func(c *Collected) { c.Signatures[0], c.Signatures[1] = c.Signatures[1], c.Signatures[0] }
		}, SigningFailed, "mismatch", false, "failed"},
		{"evidence of something else", func(r *residentRig, s *Signing) {
			r.approve(s.Tx)
			r.device.lie = func(c *Collected) {
				c.Evidence.Request = bytes.Replace(c.Evidence.Request, []byte("form.pdf"), []byte("farm.pdf"), 1)
			}
		}, SigningFailed, "mismatch", false, "failed"},
		{"evidence by another passkey", func(r *residentRig, s *Signing) {
			r.approve(s.Tx)
			r.device.lie = func(c *Collected) {
				thief := newResidentRig(t, nil).device
				c.Evidence = thief.assert(t, c.Evidence.Request)
			}
		}, SigningFailed, "mismatch", false, "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newResidentRig(t, nil)
			s := r.begin("form.pdf", "annex.pdf")
			c.end(r, s)
			got := r.state(s.ID)
			if got.State != c.state || got.Failure != c.failure || got.Renewable != c.renewable || got.Tx != "" {
				t.Fatalf("got %+v", got)
			}
			if c.notice != "" {
				if n := r.count(`SELECT count(*) FROM test_letters WHERE kind = $1`, c.notice); n != 1 {
					t.Errorf("%d notices", n)
				}
			}
			if _, _, err := r.Document(t.Context(), r.by, s.ID, 0); !errors.Is(err, ErrState) {
				t.Errorf("a file: %v", err)
			}
			if _, err := r.Prepared(t.Context(), s.Tx, 0); !errors.Is(err, ErrNoTransaction) {
				t.Errorf("the prepared bytes are still shown: %v", err)
			}
			if !c.renewable {
				if _, err := r.Renew(t.Context(), r.by, s.ID); !errors.Is(err, ErrState) {
					t.Errorf("renewed: %v", err)
				}
				if n := r.count(`SELECT count(*) FROM signer_signing_document WHERE prepared IS NOT NULL OR signed IS NOT NULL`); n != 0 {
					t.Errorf("%d files were kept", n)
				}
				return
			}
			again, err := r.Renew(t.Context(), r.by, s.ID)
			if c.failure == "not-me" { // the account is suspended, until its holder comes to a counter
				if r.people.notMe != 1 || !errors.Is(err, ErrAccount) {
					t.Errorf("suspended %d times; renewed: %v", r.people.notMe, err)
				}
				return
			}
			if err != nil || again.State != SigningWaiting || again.Tx == s.Tx || again.ID != s.ID {
				t.Fatalf("renewed: %+v, %v", again, err)
			}
			r.approve(again.Tx)
			if got := r.state(s.ID); got.State != SigningSigned {
				t.Errorf("after renewal: %+v", got)
			}
			r.once(t)
		})
	}
}

// A signing that has ended, and whose end nobody has looked at yet, does not stand in the way of the next.
func TestResidentBusyNoMore(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*residentRig, *Signing){
		SigningSigned:   func(r *residentRig, s *Signing) { r.approve(s.Tx) },
		SigningDeclined: func(r *residentRig, s *Signing) { r.device.decline(s.Tx, "user") },
		SigningExpired:  func(r *residentRig, _ *Signing) { r.skew += 10 * time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newResidentRig(t, nil)
			first := r.begin("form.pdf")
			end(r, first)
			second, err := r.Prepare(t.Context(), r.by, r.ask("other.pdf"))
			if err != nil || second.State != SigningWaiting {
				t.Fatalf("the next one: %+v, %v", second, err)
			}
			if _, err := r.Prepare(t.Context(), r.by, r.ask("third.pdf")); !errors.Is(err, ErrBusy) {
				t.Errorf("beside an open one: %v", err)
			}
			if got := r.state(first.ID); got.State != name {
				t.Errorf("the first one is %s", got.State)
			}
			if name == SigningDeclined {
				if _, err := r.Renew(t.Context(), r.by, first.ID); !errors.Is(err, ErrBusy) {
					t.Errorf("renewed beside an open one: %v", err)
				}
				r.device.decline(second.Tx, "user")
				if again, err := r.Renew(t.Context(), r.by, first.ID); err != nil || again.State != SigningWaiting {
					t.Errorf("renewed: %+v, %v", again, err)
				}
			}
		})
	}
}

// An approved signing whose files cannot be finished now does not stand in the way of the next, and is finished later.
func TestResidentBusyNoMoreThoughUnfinished(t *testing.T) {
	t.Parallel()
	down := errors.New("the timestamping authority is down")
	var stamps *outage
	r := newResidentRig(t, func(c *ResidentConfig) {
		stamps = &outage{Timestamper: c.Timestamper}
		c.Timestamper = stamps
	})
	first := r.begin("form.pdf")
	r.approve(first.Tx)
	stamps.set(down)
	second, err := r.Prepare(t.Context(), r.by, r.ask("other.pdf"))
	if err != nil || second.State != SigningWaiting {
		t.Fatalf("the next one: %+v, %v", second, err)
	}
	stamps.set(nil)
	r.forgetLeases()
	if got := r.state(first.ID); got.State != SigningSigned {
		t.Errorf("the first one is %s", got.State)
	}
}

// A cancelled question whose end nobody can tell is not closed.
func TestResidentCancelsInTheDark(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	s := r.begin("form.pdf")
	r.device.decline(s.Tx, "not-me")
	dark := errors.New("the activation process is down")
	r.device.before = func(string) error { return dark }
	if _, err := r.Cancel(t.Context(), r.by, s.ID); !errors.Is(err, dark) {
		t.Errorf("cancelled: %v", err)
	}
	r.device.before = nil
	if got := r.state(s.ID); got.Failure != "not-me" || r.people.notMe != 1 {
		t.Errorf("%+v, suspended %d times", got, r.people.notMe)
	}
}

// One open question a credential; the device's own refusals come through.
func TestResidentBusyAndSuspended(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	first := r.begin("form.pdf")
	if _, err := r.Prepare(t.Context(), r.by, r.ask("other.pdf")); !errors.Is(err, ErrBusy) {
		t.Errorf("a second question: %v", err)
	}
	if _, err := r.Cancel(t.Context(), r.by, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Cancel(t.Context(), r.by, first.ID); !errors.Is(err, ErrState) {
		t.Errorf("cancelled twice: %v", err)
	}
	r.device.suspend()
	s, err := r.Prepare(t.Context(), r.by, r.ask("other.pdf"))
	if !errors.Is(err, ErrSuspended) || s.State != SigningFailed || s.Failure != "suspended" {
		t.Errorf("suspended: %+v, %v", s, err)
	}
	list, err := r.List(t.Context(), r.by, Page{Limit: 1})
	if err != nil || len(list) != 1 || list[0].ID != s.ID {
		t.Fatalf("history: %+v, %v", list, err)
	}
	if list, err = r.List(t.Context(), r.by, Page{Before: list[0].ID}); err != nil || len(list) != 1 || list[0].ID != first.ID {
		t.Errorf("the next page: %+v, %v", list, err)
	}
}

// An approved signing cannot be cancelled any more: it is finished.
func TestResidentCancelsTooLate(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	s := r.begin("form.pdf")
	r.approve(s.Tx)
	got, err := r.Cancel(t.Context(), r.by, s.ID)
	if !errors.Is(err, ErrState) || got.State != SigningSigned {
		t.Errorf("%+v, %v", got, err)
	}
}

// Files go when their time is over; the proof stays.
func TestResidentFilesAreKeptNoLonger(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	s := r.begin("form.pdf")
	r.approve(s.Tx)
	s = r.state(s.ID)
	declined := r.begin("other.pdf")
	r.device.decline(declined.Tx, "declined")
	r.state(declined.ID)
	r.skew = 25 * time.Hour
	if _, err := r.Housekeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.state(declined.ID); got.Renewable {
		t.Error("the declined one may still be renewed")
	}
	if _, err := r.Renew(t.Context(), r.by, declined.ID); !errors.Is(err, ErrGone) {
		t.Errorf("renewed: %v", err)
	}
	if _, _, err := r.Document(t.Context(), r.by, s.ID, 0); err != nil {
		t.Error(err)
	}
	r.skew = 91 * 24 * time.Hour
	if _, err := r.Housekeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Document(t.Context(), r.by, s.ID, 0); !errors.Is(err, ErrGone) {
		t.Errorf("after 91 days: %v, want ErrGone", err)
	}
	if _, err := r.Receipt(t.Context(), r.by, s.ID); err != nil {
		t.Errorf("the receipt is gone: %v", err)
	}
	if n := r.count(`SELECT count(*) FROM signer_signing_document WHERE prepared IS NOT NULL OR signed IS NOT NULL`); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// A database's reader finds no document.
func TestResidentFilesAreSealed(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	s := r.begin("form.pdf")
	if n := r.count(`SELECT count(*) FROM signer_signing_document WHERE position('%PDF'::bytea in prepared) > 0`); n != 0 {
		t.Error("a prepared file lies in the clear")
	}
	if _, err := r.db.Pool.Exec(t.Context(), `UPDATE signer_signing_document SET prepared = set_byte(prepared, 100, get_byte(prepared, 100) # 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Prepared(t.Context(), s.Tx, 0); err == nil {
		t.Error("a changed file was shown")
	}
}

func TestDocumentSocket(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	s := r.begin("form.pdf")
	for path, want := range map[string]int{
		"/v1/transactions/" + s.Tx + "/documents/0":  http.StatusOK,
		"/v1/transactions/" + s.Tx + "/documents/1":  http.StatusNotFound,
		"/v1/transactions/" + s.Tx + "/documents/-1": http.StatusNotFound,
		"/v1/transactions/" + s.Tx + "/documents/x":  http.StatusNotFound,
		"/v1/transactions/unknown/documents/0":       http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		r.DocumentHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("GET %s: %d, want %d", path, w.Code, want)
		}
		if w.Code == http.StatusOK && (!strings.HasPrefix(w.Body.String(), "%PDF") || int64(w.Body.Len()) != s.Documents[0].Prepared) {
			t.Errorf("GET %s: %d bytes", path, w.Body.Len())
		}
	}
}

// An account signs with one credential: a new device's retires the old one.
func TestAnotherDevice(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	old := r.begin("form.pdf")
	if _, err := r.Cancel(t.Context(), r.by, old.ID); err != nil {
		t.Fatal(err)
	}
	first := r.cred
	r.cred = r.enrol(r.by.Account)
	mine, err := r.Credential(t.Context(), r.by.Account)
	if err != nil || len(mine) != 2 || mine[0].ID != r.cred || mine[0].State != "active" || mine[1].State != "retired" {
		t.Fatalf("%+v, %v", mine, err)
	}
	q := r.ask("form.pdf")
	q.Credential = first
	if _, err := r.Prepare(t.Context(), r.by, q); !errors.Is(err, ErrCredentialNotFound) {
		t.Errorf("signing with the old one: %v", err)
	}
	if _, err := r.Renew(t.Context(), r.by, old.ID); !errors.Is(err, ErrState) {
		t.Errorf("renewing what the old one began: %v", err)
	}
	err = r.db.InTx(t.Context(), func(tx postgres.Tx) error {
		return r.RetireCredential(t.Context(), tx, r.cred, "officer:1", "lost")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Prepare(t.Context(), r.by, r.ask("form.pdf")); !errors.Is(err, ErrCredentialNotActive) {
		t.Errorf("signing with none: %v", err)
	}
}
