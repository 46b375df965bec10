package validation

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"chop/validation/trustlist"
)

// ErrTrustList says that a trusted list was not signed by its operator.
var ErrTrustList = errors.New("trusted list that its operator did not sign")

// ReadTrustList reads a trusted list (TS 119 612), after judging its signature: the
// whole of it must be signed, by a certificate that leads to one of the operator's. cfg
// is as for New; its anchors count for nothing here.
func ReadTrustList(ctx context.Context, cfg Config, data []byte, operator []*x509.Certificate) (*trustlist.List, error) {
	cfg.Trust = operator
	v, err := New(cfg)
	if err != nil {
		return nil, err
	}
	list, err := trustlist.Parse(ctx, data)
	if err != nil {
		return nil, err
	}
	report, err := v.Validate(ctx, bytes.NewReader(data), int64(len(data)), Options{Revocation: RevocationSoft})
	if err != nil {
		return nil, err
	}
	if !report.Passed() {
		why := "it is not signed"
		for _, s := range report.Signatures {
			if s.Indication != TotalPassed {
				why = fmt.Sprintf("%s, %s", s.Indication, s.SubIndication)
			}
		}
		if len(report.Document.Unsigned) > 0 && why == "it is not signed" && len(report.Signatures) > 0 {
			why = "parts of it are not signed"
		}
		return nil, fmt.Errorf("%w: %s", ErrTrustList, why)
	}
	return list, nil
}

// An Anchor is what a chain ends in, and why that is trusted.
type Anchor struct {
	// Subject is its name (RFC 4514).
	Subject string `json:"subject"`
	// List is the trusted list that has it; nil if the caller trusts it by itself.
	List *ListEntry `json:"list,omitempty"`
}

// A ListEntry is a service of a trusted list, as it stood at a time.
type ListEntry struct {
	Territory string    `json:"territory"`
	Sequence  int       `json:"sequence"`
	Operator  string    `json:"operator"`
	Provider  string    `json:"provider"`
	Service   string    `json:"service"`
	Type      string    `json:"type"`
	Status    string    `json:"status"`
	Since     time.Time `json:"since"`
	// At is the time for which the status was looked up.
	At time.Time `json:"at"`
	// Approved says what the status is worth.
	Approved bool `json:"approved"`
	// Stale: the list should have been replaced by the time that was looked up.
	Stale bool `json:"stale,omitempty"`
}

// listed adds the anchors of the lists: those that are in force at some time.
func listedAnchors(lists []*trustlist.List) []*x509.Certificate {
	var out []*x509.Certificate
	for _, l := range lists {
		for _, s := range l.Services {
			if s.Issues() || s.Stamps() {
				out = append(out, s.Certificates...)
			}
		}
	}
	return out
}

// granted judges whether a chain's anchor was trusted for its use: named by the caller,
// or approved by a list at the time of use (EN 319 102-1, 5.1.4.2; TS 119 615, 4.4).
// A service of time-stamps makes no certificates of signers trusted.
func (r *run) granted(c chain, as role, use time.Time) conclusion {
	top := c[len(c)-1]
	if len(r.trusted) == 0 || r.named.has(top) {
		return pass()
	}
	why := fmt.Sprintf("%s is on no list as a service of this kind", name(top))
	for _, l := range r.trusted {
		for _, s := range l.Find(top) {
			if !s.Issues() && !(s.Stamps() && as == roleTSU) {
				continue
			}
			if s.GrantedAt(use) {
				return pass()
			}
			why = fmt.Sprintf("%s was not approved at %s by list %s %d", name(top), stamp(use), l.Territory, l.Sequence)
			if st, ok := s.StatusAt(use); ok {
				why += fmt.Sprintf(": %s since %s", st.Word(), stamp(st.From))
			}
		}
	}
	return undecided(NoCertificateChainFound, "%s", why)
}

// anchor tells what a chain ends in, where lists were consulted.
func (r *run) anchor(c chain, as role, use time.Time) *Anchor {
	if len(c) == 0 || len(r.trusted) == 0 {
		return nil
	}
	top := c[len(c)-1]
	out := &Anchor{Subject: name(top)}
	for _, l := range r.trusted {
		for _, s := range l.Find(top) {
			st, ok := s.StatusAt(use)
			if !ok || !s.Issues() && !(s.Stamps() && as == roleTSU) || out.List != nil && !st.Approves() {
				continue
			}
			out.List = &ListEntry{
				Territory: l.Territory, Sequence: l.Sequence, Operator: l.Operator, Provider: s.Provider, Service: s.Name,
				Type: s.Type, Status: st.Word(), Approved: st.Approves(), Since: st.From, At: use, Stale: l.Stale(use),
			}
		}
	}
	return out
}
