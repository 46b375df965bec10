// Package validation judges signed documents as EN 319 102-1 says: format checking,
// identification of the signing certificate, cryptographic verification, X.509
// validation with revocation freshness, signature acceptance, and the processes for
// basic signatures, time-stamps, and signatures with time and long-term data, with
// proofs of existence and past signature validation. Formats: PAdES (EN 319 142-1)
// and the CMS signatures of ISO 32000 (adbe.pkcs7.detached, adbe.pkcs7.sha1), with
// document time-stamps; XAdES (EN 319 132-1) and plain XML signatures; CAdES (EN 319
// 122-1) and plain CMS signatures; JAdES (TS 119 182-1) and plain JSON web signatures;
// and the containers of EN 319 162-1 with XAdES, CAdES and time-stamps.
//
// A verdict is a value in the standard's words; an error means that none was
// possible, because the input could not be read or is no document of a format that
// is known here. Both are safe: Report.Passed is true of nothing else than a
// document all of whose signatures are TOTAL-PASSED and that was not changed after
// them in a way that its signers did not allow.
//
// What it refuses: to take a certificate for the signer's because of its position
// in a message, the caller's clock (Options.At) for a proof of existence, a list of
// another scope or an answer of an unauthorised responder for revocation
// information, and a document for signed of which any byte but the signature's own
// Contents is left out.
package validation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"chop/internal/pdf"
	"chop/policies"
	"chop/validation/sigpolicy"
	"chop/validation/trustlist"
)

// Revocation is how much revocation information is asked for.
type Revocation string

const (
	// RevocationRequired: a certificate without usable information makes the verdict
	// INDETERMINATE, TRY_LATER. The zero value means the same.
	RevocationRequired Revocation = "required"
	// RevocationSoft: absence is a WARNING; what is there is heeded.
	RevocationSoft Revocation = "soft"
	// RevocationNone: not looked at. For tests of other things.
	RevocationNone Revocation = "none"
)

// Config is what a Validator is made of.
type Config struct {
	// Suite says which algorithms are suitable when. Required.
	Suite *policies.Suite
	// Trust are the trust anchors. A certificate is trusted byte for byte, also one
	// that is not self-signed.
	Trust []*x509.Certificate
	// Fetcher gets missing issuers and revocation information; nil works offline.
	Fetcher Fetcher
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Limits bound the reading of PDF files; zero fields have defaults.
	Limits pdf.Limits
}

// A Validator validates documents under one configuration. It remembers verified
// signatures of certificates that recur and the parsed forms of what recurs, nothing else. Safe for concurrent use.
type Validator struct {
	cfg    Config
	links  links
	parsed remembered
}

// New returns a Validator.
func New(cfg Config) (*Validator, error) {
	if cfg.Suite == nil {
		return nil, errors.New("validation: no algorithm suite")
	}
	for _, c := range cfg.Trust {
		if c == nil {
			return nil, errors.New("validation: nil trust anchor")
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Validator{cfg: cfg}, nil
}

// Options are for one document.
type Options struct {
	// At is the time of validation, zero for the present. It sets what "now" means:
	// certificates are judged at it, and evidence issued after it is not used. It is
	// never a proof of existence.
	At time.Time
	// Trust adds trust anchors.
	Trust []*x509.Certificate
	// Lists are trusted lists, from ReadTrustList: their CAs and time-stamping services
	// are anchors for the times at which they were approved.
	Lists []*trustlist.List
	// Revocation is how much revocation information is asked for.
	Revocation Revocation
	// Offline leaves the Fetcher unused.
	Offline bool
	// Detached are files that an XML or JSON signature refers to, or that a CMS signature covers.
	Detached []File
	// Certificates, CRLs and OCSPs, in DER, are validation data beside the
	// document's own. They are not trusted.
	Certificates, CRLs, OCSPs [][]byte
	// Policies are the signature policies that are held: those that signers name are applied.
	// RequirePolicy wants each signature to name one of them.
	Policies      *sigpolicy.Store
	RequirePolicy bool
	// Collect fills Report.Material.
	Collect bool

	used *collector // of the document, or nil
}

var (
	// ErrFormat says that the input is not a document of a known format, or that its
	// structure cannot be read; the wrapped error of package pdf says which.
	ErrFormat = errors.New("not a readable document")
	// ErrOptions says that Options contradict themselves.
	ErrOptions = errors.New("unusable options")
)

// Validate judges the document in the first size bytes of doc. Memory does not grow
// with a PDF, which is hashed in one pass; XML, JSON and CMS are held in memory.
func (v *Validator) Validate(ctx context.Context, doc io.ReaderAt, size int64, o Options) (*Report, error) {
	switch o.Revocation {
	case "":
		o.Revocation = RevocationRequired
	case RevocationRequired, RevocationSoft, RevocationNone:
	default:
		return nil, fmt.Errorf("%w: revocation %q", ErrOptions, o.Revocation)
	}
	format := ""
	if isCMS(doc, size) {
		format = FormatCMS
	}
	if err := checkDigests(o.Detached, format); err != nil {
		return nil, err
	}
	if !o.Collect {
		return v.dispatch(ctx, doc, size, o)
	}
	o.used = &collector{}
	report, err := v.dispatch(ctx, doc, size, o)
	if err != nil {
		return nil, err
	}
	report.Material = o.used.material()
	return report, nil
}

// The forms of documents, as FormOf tells them apart.
const (
	FormPDF  = "pdf"
	FormXML  = "xml"
	FormCMS  = "cms"
	FormASiC = "asic"
	FormJSON = "json"
)

// FormOf says as what a document is read, by its first bytes: FormPDF is whatever is none of the others.
func FormOf(doc io.ReaderAt, size int64) string {
	switch {
	case isXML(doc, size):
		return FormXML
	case isContainer(doc, size):
		return FormASiC
	case isJWS(doc, size):
		return FormJSON
	case isCMS(doc, size):
		return FormCMS
	}
	return FormPDF
}

// dispatch gives the document to whoever reads its format.
func (v *Validator) dispatch(ctx context.Context, doc io.ReaderAt, size int64, o Options) (*Report, error) {
	switch FormOf(doc, size) {
	case FormXML:
		return v.validateXML(ctx, doc, size, o)
	case FormASiC:
		return v.validateASiC(ctx, doc, size, o)
	case FormJSON:
		return v.validateJWS(ctx, doc, size, o)
	case FormCMS:
		return v.validateCMS(ctx, doc, size, o)
	}
	if len(o.Detached) > 0 {
		return nil, fmt.Errorf("%w: files for a detached signature, and a document that covers itself only", ErrOptions)
	}
	file, err := pdf.Open(doc, size, v.cfg.Limits)
	if err != nil {
		if errors.Is(err, pdf.ErrNotPDF) { // none of the formats knows it
			return nil, fmt.Errorf("%w: neither PDF, XML, JSON web signature, CMS message nor signature container", ErrFormat)
		}
		if errors.Is(err, pdf.ErrEncrypted) || errors.Is(err, pdf.ErrMalformed) || errors.Is(err, pdf.ErrLimit) {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return nil, fmt.Errorf("open document: %w", err)
	}
	return v.newRun(ctx, o, v.newFetches(o)).validatePDF(doc, file, o)
}

// A run is one validation of one PDF document, or of one signature in XML.
type run struct {
	v          *Validator
	ctx        context.Context
	now        time.Time
	revocation Revocation
	anchors    anchors // all of them
	named      anchors // those that need no list
	trusted    []*trustlist.List
	// hypothetical: now is what the caller chose.
	hypothetical bool
	pool         *pool
	builder      builder
	timeline     timeline
	archives     []*token      // valid document time-stamps, newest first
	fetches      *fetches      // of the document; nil: it works offline
	asked        map[pair]bool // what the answer was taken to
	statusOf     map[pair]statusList
	responders   map[responderKey]*x509.Certificate
	lists        crlIssuers
	rules        rules // of a certificate that is judged by itself
	used         *collector
	policies     *sigpolicy.Store
	required     bool // that a signature names one
}

func (v *Validator) newRun(ctx context.Context, o Options, f *fetches) *run {
	now := o.At
	if now.IsZero() {
		now = v.cfg.Now()
	}
	r := &run{
		v: v, ctx: ctx, now: now, hypothetical: !o.At.IsZero(), revocation: o.Revocation,
		anchors: newAnchors(v.cfg.Trust, o.Trust, listedAnchors(o.Lists)), named: newAnchors(v.cfg.Trust, o.Trust), trusted: o.Lists,
		pool: newPool(&v.parsed), timeline: timeline{now: now},
		statusOf: map[pair]statusList{}, responders: map[responderKey]*x509.Certificate{}, fetches: f, asked: map[pair]bool{},
		policies: o.Policies, required: o.RequirePolicy,
	}
	if r.used = o.used; r.used != nil {
		r.used.runs = append(r.used.runs, r)
	}
	r.builder = builder{anchors: r.anchors, named: r.named, pool: r.pool, links: &v.links, known: map[*x509.Certificate]chains{}}
	return r
}

// addGiven adds the caller's evidence, after the document's own, so that what both
// hold counts as the document's.
func (r *run) addGiven(o Options) {
	for _, der := range o.Certificates {
		r.pool.addCertificate(der, never, false)
	}
	for _, der := range o.CRLs {
		r.pool.addCRL(der, never, false)
	}
	for _, der := range o.OCSPs {
		r.pool.addOCSP(der, never, false)
	}
}
