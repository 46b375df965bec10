package evidence

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"chop/internal/solecontrol"
)

// The events that an export has, by their actions.
const (
	ActionMade     = "activation.made"         // by the activation process: a credential's key
	ActionApproved = "activation.signed"       // by it: an approval, and the signatures of it
	ActionSigned   = "signer.resident.sign"    // by the signer: the files are made
	ActionCollect  = "signer.resident.collect" // by the signer: signatures are here
	ActionIssued   = "ca.issue"
)

// Actions are those of all events that an export has.
func Actions() []string {
	return []string{ActionMade, ActionApproved, ActionSigned, ActionCollect, ActionIssued}
}

// Report is what Check found.
type Report struct {
	Signings   int      `json:"signings"`   // with evidence or recorded as signed
	Documents  int      `json:"documents"`  // signed in them
	Proven     int      `json:"proven"`     // signings whose approval is proven
	Identity   string   `json:"identity"`   // SHA-256 of the identity key that was used
	Problems   []string `json:"problems"`   // each names a signing, transaction or certificate
	Unfinished int      `json:"unfinished"` // approvals that were never collected: released to nobody
	// Certificates and Enrolled are Reconcile's.
	Certificates int `json:"certificates,omitempty"`
	Enrolled     int `json:"enrolled,omitempty"` // of them issued on an enrolment
}

// OK reports whether every signature in the log is proven.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// An audit is a check under way. It holds the export but for the files' digests.
type audit struct {
	report       Report
	identity     *ecdsa.PublicKey
	certificates map[string]*Certificate // by SHA-256
	credentials  map[string]*Credential
	made         map[string]*event // by credential
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

// Check proves every resident's signature of an export, offline. pinned, if not nil, is
// the auditor's own copy of the activation process's identity key (a
// SubjectPublicKeyInfo); without it the export's is believed, and the report says which.
// An error means that the file cannot be read.
func Check(r io.Reader, pinned []byte) (*Report, error) {
	a, err := newAudit(r, pinned)
	if err != nil {
		return nil, err
	}
	a.signaturesProven()
	return &a.report, nil
}

// newAudit reads an export.
func newAudit(r io.Reader, pinned []byte) (*audit, error) {
	a := &audit{report: Report{Problems: []string{}}, certificates: map[string]*Certificate{}, credentials: map[string]*Credential{}}
	for _, m := range []*map[string]*event{&a.made, &a.approved, &a.signed, &a.collected, &a.issued} {
		*m = map[string]*event{}
	}
	return a, Read(r, func(line any) error { return a.take(line, pinned) })
}

// signaturesProven proves all signatures, and then looks what the log has beyond them.
func (a *audit) signaturesProven() {
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
	case ActionMade:
		into, key = a.made, trimPrefix(l.Subject, "credential:")
	case ActionApproved:
		into, key = a.approved, e.texts["transaction"]
	case ActionSigned:
		into, key = a.signed, trimPrefix(l.Subject, "signing:")
	case ActionCollect:
		into, key = a.collected, trimPrefix(l.Subject, "signing:")
	case ActionIssued:
		into, key = a.issued, e.texts["certificate_sha256"]
	default:
		return
	}
	if into[key] != nil {
		a.problem("%s %s occurs twice in the log", l.Action, key)
		return // the first one stands: who adds one later takes nothing away
	}
	into[key] = e
}

func trimPrefix(s, prefix string) string {
	if rest, ok := strings.CutPrefix(s, prefix); ok {
		return rest
	}
	return "?" + s // of nothing that there is
}
