// Package trustlist reads and writes trusted lists (TS 119 612): which services of
// which providers a scheme operator approved, and when, with their history. What is
// recognised is data of such a list, never a property that a CA asserts of itself.
//
// Parse believes what it reads: whether the operator signed a list is for package
// validation to judge, before. Qualifications of single certificates (TS 119 612,
// 5.5.9.2) are not applied.
package trustlist

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"
)

var (
	// ErrFormat says that a document is no trusted list.
	ErrFormat = errors.New("not a trusted list")
	// ErrLimit says that a list is larger than honest ones.
	ErrLimit = errors.New("trusted list beyond the limits")
)

// NS is the namespace of trusted lists.
const NS = "http://uri.etsi.org/02231/v2#"

// A List is one trusted list.
type List struct {
	Version  int
	Sequence int
	// Type is the TSLType, a URI.
	Type string
	// Territory is the SchemeTerritory, as HK.
	Territory string
	Operator  string
	Scheme    string
	Issued    time.Time
	// NextUpdate is zero in the last list of a closed scheme.
	NextUpdate time.Time
	Services   []Service
}

// A Service is one of a provider's, with its statuses, the newest first.
type Service struct {
	Provider string
	Name     string
	// Type is the ServiceTypeIdentifier, a URI.
	Type string
	// Certificates are the service's digital identity: of a CA, its certificates.
	Certificates []*x509.Certificate
	Statuses     []Status
}

// A Status is in force from its time on until that of the next.
type Status struct {
	// URI is the ServiceStatus.
	URI  string
	From time.Time
}

// Service types (TS 119 612, 5.5.1), as they end.
const (
	// TypePrefix is what all of them begin with.
	TypePrefix = "http://uri.etsi.org/TrstSvc/Svctype/"

	TypeCAQC    = TypePrefix + "CA/QC"
	TypeCAPKC   = TypePrefix + "CA/PKC"
	TypeTSAQTST = TypePrefix + "TSA/QTST"
	TypeTSA     = TypePrefix + "TSA"
)

// Statuses (TS 119 612, 5.5.4, D.5).
const (
	// StatusPrefix is what all of them begin with.
	StatusPrefix = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"

	StatusGranted   = StatusPrefix + "granted"
	StatusWithdrawn = StatusPrefix + "withdrawn"
	// StatusRecognised and StatusDeprecated are for services that are approved nationally.
	StatusRecognised = StatusPrefix + "recognisedatnationallevel"
	StatusDeprecated = StatusPrefix + "deprecatedatnationallevel"
)

// approving are the statuses under which a service is approved; the last three are
// those of lists from before July 2016.
var approving = []string{
	StatusGranted, StatusRecognised,
	StatusPrefix + "undersupervision", StatusPrefix + "supervisionincessation", StatusPrefix + "accredited",
}

// Approves reports whether a service with this status is an approved one.
func (s Status) Approves() bool { return slices.Contains(approving, s.URI) }

// Word is the last part of the status, for people.
func (s Status) Word() string { return s.URI[strings.LastIndexByte(s.URI, '/')+1:] }

// StatusAt returns the status in force at a time; before the first there is none.
func (s Service) StatusAt(at time.Time) (Status, bool) {
	for _, st := range s.Statuses {
		if !st.From.After(at) {
			return st, true
		}
	}
	return Status{}, false
}

// GrantedAt reports whether the service was approved at a time.
func (s Service) GrantedAt(at time.Time) bool {
	st, ok := s.StatusAt(at)
	return ok && st.Approves()
}

// Issues reports whether the service issues certificates to people or TSAs.
func (s Service) Issues() bool {
	return strings.HasPrefix(s.Type, TypePrefix+"CA/") || strings.HasPrefix(s.Type, TypePrefix+"NationalRootCA")
}

// Stamps reports whether the service makes time-stamps.
func (s Service) Stamps() bool {
	return s.Type == TypeTSA || strings.HasPrefix(s.Type, TypeTSA+"/")
}

// Stale reports whether a newer list should have been there by a time.
func (l *List) Stale(at time.Time) bool { return !l.NextUpdate.IsZero() && at.After(l.NextUpdate) }

// Find returns the services whose identity is this certificate, byte for byte.
func (l *List) Find(cert *x509.Certificate) []Service {
	var out []Service
	for _, s := range l.Services {
		if slices.ContainsFunc(s.Certificates, cert.Equal) {
			out = append(out, s)
		}
	}
	return out
}
