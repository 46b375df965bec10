package portal

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/internal/web"
	"chop/notification"
	"chop/policies"
	"chop/portal/forms"
	"chop/registration"
	"chop/registration/hkic"
	"chop/signer"
)

// The services in these fakes hold made-up people in every state that a page can show.

const (
	chan_ = "0199f000-0000-7000-8000-000000000001" // a full account
	lite  = "0199f000-0000-7000-8000-000000000002"
	long  = "0199f000-0000-7000-8000-000000000003" // the longest name, no Chinese name, nothing else
)

type fakeAccounts struct {
	mu       sync.Mutex
	accounts map[string]*registration.Account
	data     map[string]*registration.Data
	passkeys map[string][]registration.Passkey
	codes    int
	phone    registration.PhoneCase
	tokens   map[string]bool
	agreed   string
	sessions *Sessions
}

func newFakeAccounts(t testing.TB, db *postgres.DB, now func() time.Time) *fakeAccounts {
	f := &fakeAccounts{accounts: map[string]*registration.Account{}, data: map[string]*registration.Data{},
		passkeys: map[string][]registration.Passkey{}, tokens: map[string]bool{"token": true}, sessions: NewSessions(db, now)}
	opened := time.Date(2026, 11, 2, 2, 30, 0, 0, time.UTC)
	add := func(id string, kind registration.Kind, number string, card hkic.Card, contact registration.Contact) {
		n, err := hkic.Parse(number)
		if err != nil {
			t.Fatal(err)
		}
		card.Number = n
		f.accounts[id] = &registration.Account{ID: id, Kind: kind, State: registration.Active, SRN: "SRN" + id[26:], UserHandle: []byte(id[4:]), OpenedAt: opened, ActiveAt: opened}
		f.data[id] = &registration.Data{Card: card, Contact: contact, Place: "Tsuen Wan Post Office", Account: f.accounts[id]}
	}
	add(chan_, registration.Full, "A123456(3)", hkic.Card{Surname: "CHAN", GivenNames: "Tai Man", ChineseName: "陳大文", Birth: hkic.Date{Year: 1990, Month: 3, Day: 27}, Gender: "M"},
		registration.Contact{Phone: "+852 9123 4567", Email: "tai.man@example.hk", Language: "en"})
	add(lite, registration.Lite, "Z683365(A)", hkic.Card{Surname: "LEE", GivenNames: "Siu Ming", ChineseName: "李小明", Birth: hkic.Date{Year: 2001, Month: 1, Day: 1}}, registration.Contact{})
	add(long, registration.Full, "WX123456(9)", hkic.Card{Surname: strings.Repeat("MONTGOMERY", 4), GivenNames: strings.Repeat("Wilhelmina ", 3) + "Augusta", Birth: hkic.Date{Year: 1950}}, registration.Contact{})
	f.passkeys[chan_] = []registration.Passkey{{ID: []byte("x"), Record: []byte("{}"), Name: "iPhone, Safari", AddedAt: opened, UsedAt: opened.Add(300 * time.Hour)}}
	f.phone = registration.PhoneCase{Case: "c", Account: chan_, State: registration.Scanned, Number: "47", UserHandle: []byte(chan_[4:]), UserName: "SRN0000000001", Agreement: Agreement}
	return f
}

func (f *fakeAccounts) Account(_ context.Context, c registration.Caller, id string) (*registration.Account, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c != registration.Resident(id) {
		return nil, registration.ErrForbidden
	}
	if a, ok := f.accounts[id]; ok {
		copied := *a
		return &copied, nil
	}
	return nil, registration.ErrNoAccount
}

func (f *fakeAccounts) AccountByUserHandle(_ context.Context, handle []byte) (*registration.Account, []registration.Passkey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, a := range f.accounts {
		if string(a.UserHandle) == string(handle) {
			copied := *a
			return &copied, f.passkeys[id], nil
		}
	}
	return nil, nil, registration.ErrNoAccount
}

func (f *fakeAccounts) PasskeyUsed(context.Context, string, []byte, []byte) error { return nil }

func (f *fakeAccounts) SignInPasskeys(_ context.Context, _ registration.Caller, account string) ([]registration.Passkey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.passkeys[account], nil
}

func (f *fakeAccounts) Data(_ context.Context, _ registration.Caller, account string) (*registration.Data, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	copied := *f.data[account]
	return &copied, nil
}

func (f *fakeAccounts) SetContact(_ context.Context, _ registration.Caller, account string, c registration.Contact) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.ContainsAny(c.Phone, "abcdefghijklmnopqrstuvwxyz") {
		return registration.ErrContact
	}
	f.data[account].Contact = c
	return nil
}

func (f *fakeAccounts) Activity(_ context.Context, _ registration.Caller, account string, _ int) ([]registration.Activity, error) {
	if account == long {
		return nil, nil
	}
	at := time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)
	return []registration.Activity{
		{At: at, Who: "officer", Place: "Tsuen Wan Post Office", What: "data-viewed"}, {At: at.Add(-time.Hour), Who: "you", Place: "portal", What: "contact-changed"},
		{At: at.Add(-2 * time.Hour), Who: "system", What: "certificate-issued"}, {At: at.Add(-3 * time.Hour), Who: "nobody knows", What: "something-new"},
	}, nil
}

func (f *fakeAccounts) setState(account string, s registration.AccountState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accounts[account].State = s
}

func (f *fakeAccounts) SuspendSelf(ctx context.Context, _ registration.Caller, account, _ string) error {
	f.setState(account, registration.Suspended)
	return f.sessions.EndSessions(ctx, account)
}

func (f *fakeAccounts) SuspensionCode(context.Context, registration.Caller, string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes++
	return fmt.Sprintf("12345-%05d", 67889+f.codes), nil
}

func (f *fakeAccounts) SuspendByLink(_ context.Context, token string) error {
	if token != "good" {
		return registration.ErrToken
	}
	return nil
}

func (f *fakeAccounts) SuspendByCode(_ context.Context, code, _ string) error {
	if code != "12345-67890" {
		return registration.ErrProof
	}
	return nil
}

func (f *fakeAccounts) Close(_ context.Context, _ registration.Caller, account, _ string) error {
	f.setState(account, registration.Closed)
	return nil
}

func (f *fakeAccounts) BindDevice(_ context.Context, token string) (*registration.Phone, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.tokens[token] {
		return nil, registration.ErrToken
	}
	delete(f.tokens, token)
	return &registration.Phone{Secret: "secret", Case: "c", Number: "47"}, nil
}

func (f *fakeAccounts) PhoneCase(_ context.Context, secret string) (*registration.PhoneCase, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if secret != "secret" {
		return nil, registration.ErrNoCase
	}
	copied := f.phone
	return &copied, nil
}

func (f *fakeAccounts) AcceptAgreement(ctx context.Context, secret, agreement string) (*registration.PhoneCase, error) {
	f.mu.Lock()
	f.agreed, f.phone.State = agreement, registration.Accepted
	f.mu.Unlock()
	return f.PhoneCase(ctx, secret)
}

func (f *fakeAccounts) BindPasskey(ctx context.Context, secret string, k registration.Passkey) (*registration.PhoneCase, error) {
	f.mu.Lock()
	f.passkeys[chan_] = append(f.passkeys[chan_], k)
	f.passkeys[chan_] = f.passkeys[chan_][len(f.passkeys[chan_])-1:]
	f.phone.HasPasskey = true
	f.mu.Unlock()
	return f.PhoneCase(ctx, secret)
}

func (f *fakeAccounts) BeginEnrolment(context.Context, string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.phone.State, f.phone.Enrolment = registration.Enrolling, "enrolment"
	return "enrolment", nil
}

func (f *fakeAccounts) NotMe(context.Context, string) error { return nil }

type fakeSignings struct {
	mu    sync.Mutex
	asked []signer.ResidentRequest
	all   map[string]*signer.Signing
	fail  error
	now   func() time.Time
}

func newFakeSignings(now func() time.Time) *fakeSignings {
	f := &fakeSignings{all: map[string]*signer.Signing{}, now: now}
	at := now()
	for _, state := range []string{"prepared", "waiting", "approved", "signed", "declined", "expired", "failed", "cancelled"} {
		s := &signer.Signing{
			ID: state, Account: chan_, State: state, Service: signer.ResidentService{ID: "td", Name: "Transport Department"}, Reason: "Renewal of a vehicle licence",
			Serial: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", CreatedAt: at.Add(-2 * time.Minute),
			Documents: []signer.SigningDocument{
				{Number: 0, Name: "Renewal of a vehicle licence.pdf", Size: 48213, SignedSize: 93551, SignedSHA256: make([]byte, 32)},
				{Number: 1, Name: "a-file-with-a-name-that-has-no-space-in-it-and-is-as-long-as-people-make-them-when-they-scan.pdf", Size: 3482130, SignedSize: 3527000, SignedSHA256: make([]byte, 32)},
			},
		}
		switch state {
		case "waiting":
			s.Tx, s.Code, s.NotAfter = "AAAAAAAAAAAAAAAAAAAAAA", "0417", at.Add(4*time.Minute)
		case "signed":
			s.ApprovedAt, s.ClosedAt, s.FilesUntil = at, at, at.Add(30*24*time.Hour)
		case "declined", "expired", "failed":
			s.Renewable, s.ClosedAt = true, at
			s.Failure = map[string]string{"declined": "not-me", "failed": "refused"}[state]
		}
		f.all[state] = s
	}
	return f
}

func (f *fakeSignings) Credential(_ context.Context, account string) ([]*signer.ResidentCredential, error) {
	if account != chan_ {
		return nil, signer.ErrCredentialNotFound
	}
	cert := func(serial string, from time.Time) signer.ResidentCertificate {
		return signer.ResidentCertificate{Serial: serial, IssuedAt: from, Certificate: &x509.Certificate{NotBefore: from, NotAfter: from.AddDate(3, 0, 0)}}
	}
	return []*signer.ResidentCredential{
		{Account: account, State: "active", Signed: 12, Certificates: []signer.ResidentCertificate{cert("0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", f.now().AddDate(0, -1, 0))}},
		{Account: account, State: "retired", Signed: 3, Certificates: []signer.ResidentCertificate{cert("1b2c3d4e5f60718293a4b5c6d7e8f90123456789", f.now().AddDate(-2, 0, 0)), cert("2c3d4e5f60718293a4b5c6d7e8f9012345678901", f.now().AddDate(-5, 0, 0))}},
	}, nil
}

func (f *fakeSignings) Prepare(_ context.Context, by signer.Caller, q signer.ResidentRequest) (*signer.Signing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	f.asked = append(f.asked, q)
	s := &signer.Signing{ID: uuid.NewString(), Account: by.Account, State: "waiting", Service: q.Service, Reason: q.Reason,
		Tx: "BBBBBBBBBBBBBBBBBBBBBB", Code: "0417", NotAfter: f.now().Add(5 * time.Minute), CreatedAt: f.now()}
	for i, d := range q.Documents {
		s.Documents = append(s.Documents, signer.SigningDocument{Number: i, Name: d.Name, Size: int64(len(d.PDF))})
	}
	f.all[s.ID] = s
	return s, nil
}

func (f *fakeSignings) Signing(_ context.Context, by signer.Caller, id string) (*signer.Signing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.all[id]
	if !ok || s.Account != by.Account {
		return nil, signer.ErrSigningNotFound
	}
	copied := *s
	return &copied, nil
}

func (f *fakeSignings) move(id, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[id].State = state
}

func (f *fakeSignings) Cancel(ctx context.Context, by signer.Caller, id string) (*signer.Signing, error) {
	f.move(id, "cancelled")
	return f.Signing(ctx, by, id)
}

func (f *fakeSignings) Renew(ctx context.Context, by signer.Caller, id string) (*signer.Signing, error) {
	f.move(id, "waiting")
	return f.Signing(ctx, by, id)
}

func (f *fakeSignings) List(_ context.Context, by signer.Caller, _ signer.Page) ([]*signer.Signing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*signer.Signing
	for _, id := range []string{"waiting", "signed", "declined", "expired", "failed", "cancelled"} {
		if f.all[id].Account == by.Account {
			list = append(list, f.all[id])
		}
	}
	return list, nil
}

func (f *fakeSignings) Document(_ context.Context, by signer.Caller, id string, n int) (string, []byte, error) {
	if id != "signed" || by.Account != chan_ || n > 1 {
		return "", nil, signer.ErrSigningNotFound
	}
	return "申請表 renewal.pdf", []byte("%PDF-1.7\n"), nil
}

func (f *fakeSignings) Receipt(_ context.Context, by signer.Caller, id string) (*signer.Receipt, error) {
	return &signer.Receipt{Certificate: signer.ReceiptCertificate{Subject: "CHAN Tai Man", Issuer: "Chop Issuing CA"}}, nil
}

type fakeNotices struct{ read map[string]bool }

func (f *fakeNotices) Inbox(_ context.Context, account string, _ int) ([]notification.Message, error) {
	if account != chan_ {
		return nil, nil
	}
	at := time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)
	list := []notification.Message{{ID: "1", Kind: notification.Signed, At: at}, {ID: "2", Kind: notification.CertificateIssued, At: at.Add(-50 * time.Hour), ReadAt: at}}
	if f.read["1"] {
		list[0].ReadAt = at
	}
	return list, nil
}

func (f *fakeNotices) Unread(_ context.Context, account string) (int, error) {
	if account != chan_ || f.read["1"] {
		return 0, nil
	}
	return 1, nil
}

func (f *fakeNotices) MarkRead(_ context.Context, _, id string) error {
	if id == "" {
		id = "1"
	}
	f.read[id] = true
	return nil
}

func (f *fakeNotices) Text(m notification.Message, language string) (string, string, error) {
	if language == "en" {
		return "You signed a document", "Transport Department received your signature on 1 document. If this was not you, suspend your account.", nil
	}
	return "你已簽署文件", "運輸署已收到你在 1 份文件上的簽署。如並非由你作出，請暫停帳戶。", nil
}

// house is a portal at work, for a test.
type house struct {
	*Portal
	t        testing.TB
	accounts *fakeAccounts
	signings *fakeSignings
	remote   *fakeRemote
	handler  http.Handler
	now      time.Time
}

func newHouse(t testing.TB, public, approve string) *house {
	t.Helper()
	db := postgrestest.New(t)
	h := &house{t: t, now: time.Now().Truncate(time.Second)}
	clock := func() time.Time { return h.now }
	catalogue, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	h.accounts, h.signings, h.remote = newFakeAccounts(t, db, clock), newFakeSignings(clock), newFakeRemote(clock)
	h.Portal, err = New(Config{
		DB: db, Accounts: h.accounts, Remote: h.remote, Signings: h.signings, Notices: &fakeNotices{read: map[string]bool{}}, Forms: catalogue, Policies: set,
		PublicURL: public, ApproveURL: approve, Version: "0.3.0-test", Now: clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	h.Routes(r)
	// Signing in without a device, for tests of what comes after.
	r.Method(http.MethodGet, "/test/enter/{account}/{how}", h.sessions.LoadAndSave(h.page(func(w http.ResponseWriter, r *http.Request, v *visit) error {
		account := h.accounts.accounts[r.PathValue("account")]
		next, err := h.enter(w, r, account, r.PathValue("how") == "linked")
		if err != nil {
			return err
		}
		return redirect(w, r, next)
	})))
	// What the QR code on this browser's page says.
	r.Method(http.MethodGet, "/test/link", h.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := strings.Cut(h.sessions.GetString(r.Context(), keyLink), " ")
		_, _ = io.WriteString(w, public+"/link/"+token)
	})))
	h.handler = web.Number(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))(r)
	return h
}

// browser is a person's: it keeps cookies.
type browser struct {
	h       *house
	cookies map[string]*http.Cookie
	header  map[string]string
	from    string // its address; empty: the common one
}

func (h *house) browser() *browser {
	return &browser{h: h, cookies: map[string]*http.Cookie{}, header: map[string]string{"Accept-Language": "en"}}
}

func (b *browser) send(method, target, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if b.from != "" {
		r.RemoteAddr = b.from
	}
	for k, v := range b.header {
		r.Header.Set(k, v)
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.h.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
	return w
}

func (b *browser) get(target string) *httptest.ResponseRecorder { return b.send("GET", target, "", "") }

func (b *browser) post(target, form string) *httptest.ResponseRecorder {
	return b.send("POST", target, "application/x-www-form-urlencoded", form)
}

// enter signs an account in.
func (b *browser) enter(account, how string) *browser {
	b.h.t.Helper()
	if w := b.get("/test/enter/" + account + "/" + how); w.Code != http.StatusSeeOther {
		b.h.t.Fatalf("enter: %d %s", w.Code, w.Body)
	}
	return b
}
