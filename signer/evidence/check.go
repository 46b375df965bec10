package evidence

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"chop/internal/solecontrol"
)

// The events that an export has, by their actions.
const (
	ActionApproved = "activation.signed"       // by the activation process
	ActionSigned   = "signer.resident.sign"    // by the signer: the files are made
	ActionCollect  = "signer.resident.collect" // by the signer: signatures are here
	ActionIssued   = "ca.issue"
)

// Actions are those of all events that an export has.
func Actions() []string { return []string{ActionApproved, ActionSigned, ActionCollect, ActionIssued} }

// Report is what Check found.
type Report struct {
	Signings   int      `json:"signings"`   // with evidence or recorded as signed
	Documents  int      `json:"documents"`  // signed in them
	Proven     int      `json:"proven"`     // signings whose approval is proven
	Identity   string   `json:"identity"`   // SHA-256 of the identity key that was used
	Problems   []string `json:"problems"`   // each names a signing, transaction or certificate
	Unfinished int      `json:"unfinished"` // approvals without files: given up, and released to nobody
}

// OK reports whether every signature in the log is proven.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// An audit is a check under way. It holds the export but for the files' digests.
type audit struct {
	report       Report
	identity     *ecdsa.PublicKey
	certificates map[string]*Certificate // by SHA-256
	credentials  map[string]*Credential
	approved     map[string]*event // by transaction
	signed       map[string]*event // by signing
	collected    map[string]*event
	issued       map[string]*event // by certificate's SHA-256
	signatures   []*Signature
}

// event is the part of an event's detail that is compared.
type event struct {
	subject string
	actor   string
	texts   map[string]string
	docs    []map[string]string
	seen    bool
}

// Check proves every residents' signature of an export, offline. pinned, if not nil, is
// the auditor's own copy of the activation process's identity key (a
// SubjectPublicKeyInfo); without it the export's is believed, and the report says which.
// An error means that the file cannot be read.
func Check(r io.Reader, pinned []byte) (*Report, error) {
	a := &audit{
		report:       Report{Problems: []string{}},
		certificates: map[string]*Certificate{}, credentials: map[string]*Credential{},
		approved: map[string]*event{}, signed: map[string]*event{}, collected: map[string]*event{}, issued: map[string]*event{},
	}
	if err := Read(r, func(line any) error { return a.take(line, pinned) }); err != nil {
		return nil, err
	}
	for _, s := range a.signatures {
		if err := a.prove(s); err != nil {
			a.problem("signing %s: %w", s.Signing, err)
			continue
		}
		a.report.Proven++
	}
	for _, tx := range slices.Sorted(maps.Keys(a.approved)) {
		// Approved, and never collected: the activation process has destroyed the signatures.
		if !a.approved[tx].seen {
			a.report.Unfinished++
		}
	}
	for _, one := range []struct {
		events map[string]*event
		what   string
	}{{a.signed, "signed"}, {a.collected, "approved"}} {
		for _, id := range slices.Sorted(maps.Keys(one.events)) {
			if !one.events[id].seen {
				a.problem("signing %s: the log says %s, and there is no evidence of it", id, one.what)
			}
		}
	}
	return &a.report, nil
}

func (a *audit) problem(format string, args ...any) {
	a.report.Problems = append(a.report.Problems, fmt.Errorf(format, args...).Error())
}

func (a *audit) take(line any, pinned []byte) error {
	switch l := line.(type) {
	case *Head:
		key := []byte(l.Identity)
		if pinned != nil {
			key = pinned
			if len(l.Identity) > 0 && string(l.Identity) != string(pinned) {
				a.problem("the export names another identity key of the activation process than the pinned one")
			}
		}
		a.report.Identity = hexSum(key)
		var err error
		if a.identity, err = solecontrol.ParseSPKI(key); err != nil {
			return fmt.Errorf("%w: no identity key to check statements with: %w", ErrExport, err)
		}
	case *Certificate:
		a.certificates[hexSum(l.DER)] = l
	case *Credential:
		if a.credentials[l.ID] != nil {
			a.problem("credential %s occurs twice", l.ID)
		}
		a.credentials[l.ID] = l
	case *Event:
		a.takeEvent(l)
	case *Signature:
		a.report.Signings++
		a.report.Documents += len(l.Documents)
		a.signatures = append(a.signatures, l)
	}
	return nil
}

func (a *audit) takeEvent(l *Event) {
	e := &event{subject: l.Subject, actor: l.Actor, texts: map[string]string{}}
	var detail map[string]json.RawMessage
	if json.Unmarshal(l.Detail, &detail) != nil {
		a.problem("event %s has no detail", l.ID)
		return
	}
	for key, raw := range detail {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			e.texts[key] = text
		}
	}
	_ = json.Unmarshal(detail["documents"], &e.docs) // absent or of another form: it will not compare
	var into map[string]*event
	var key string
	switch l.Action {
	case ActionApproved:
		into, key = a.approved, e.texts["transaction"]
	case ActionSigned:
		into, key = a.signed, trimSubject(l.Subject)
	case ActionCollect:
		into, key = a.collected, trimSubject(l.Subject)
	case ActionIssued:
		into, key = a.issued, e.texts["certificate_sha256"]
	default:
		return
	}
	if into[key] != nil {
		a.problem("%s %s occurs twice in the log", l.Action, key)
	}
	into[key] = e
}

func trimSubject(s string) string { return s[min(len(s), len("signing:")):] }

// certificateOf finds a certificate and the enrolment that it was issued on.
func (a *audit) certificateOf(s *Signature) (*x509.Certificate, *solecontrol.Statement, *solecontrol.Ticket, error) {
	sha := fmt.Sprintf("%x", []byte(s.Certificate))
	c := a.certificates[sha]
	if c == nil {
		return nil, nil, nil, refused("certificate %s is not in the export", sha)
	}
	cert, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return nil, nil, nil, refused("read certificate: %w", err)
	}
	statement, err := CheckStatement(c, cert, a.identity)
	if err != nil {
		return nil, nil, nil, err
	}
	digest := sha256.Sum256(statementBytes(c.Statement))
	if e := a.issued[sha]; e == nil || e.texts["statement_sha256"] != fmt.Sprintf("%x", digest[:]) {
		return nil, nil, nil, refused("the log does not say that the certificate was issued on this statement")
	}
	k := a.credentials[s.Credential]
	if k == nil || k.Account != s.Account {
		return nil, nil, nil, refused("credential %s is not in the export for this account", s.Credential)
	}
	if d := solecontrol.TicketDigest(k.Ticket); string(d[:]) != string(statement.Ticket) {
		return nil, nil, nil, refused("the enrolment ticket is not the one that the statement names")
	}
	ticket, err := solecontrol.ParseTicket(k.Ticket)
	if err != nil {
		return nil, nil, nil, refused("read ticket: %w", err)
	}
	if statement.Credential != s.Credential || statement.Account != s.Account || ticket.Account != s.Account {
		return nil, nil, nil, refused("the statement is about another credential or account")
	}
	return cert, statement, ticket, nil
}
