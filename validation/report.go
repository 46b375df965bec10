package validation

import (
	"time"

	"chop/validation/changes"
)

// Indication is the main result of a validation (EN 319 102-1, 5.1.3).
type Indication string

// The three main indications of a signature.
const (
	TotalPassed   Indication = "TOTAL-PASSED"
	TotalFailed   Indication = "TOTAL-FAILED"
	Indeterminate Indication = "INDETERMINATE"
)

// SubIndication says why an indication is not TOTAL-PASSED, in the words of
// EN 319 102-1, tables 5 and 6.
type SubIndication string

// Sub-indications of TOTAL-FAILED.
const (
	FormatFailure    SubIndication = "FORMAT_FAILURE"
	HashFailure      SubIndication = "HASH_FAILURE"
	SigCryptoFailure SubIndication = "SIG_CRYPTO_FAILURE"
	Revoked          SubIndication = "REVOKED"
	Expired          SubIndication = "EXPIRED"
	NotYetValid      SubIndication = "NOT_YET_VALID"
)

// Sub-indications of INDETERMINATE.
const (
	SigConstraintsFailure          SubIndication = "SIG_CONSTRAINTS_FAILURE"
	ChainConstraintsFailure        SubIndication = "CHAIN_CONSTRAINTS_FAILURE"
	CertificateChainGeneralFailure SubIndication = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
	CryptoConstraintsFailure       SubIndication = "CRYPTO_CONSTRAINTS_FAILURE"
	CryptoConstraintsFailureNoPOE  SubIndication = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
	TimestampOrderFailure          SubIndication = "TIMESTAMP_ORDER_FAILURE"
	NoSigningCertificateFound      SubIndication = "NO_SIGNING_CERTIFICATE_FOUND"
	NoCertificateChainFound        SubIndication = "NO_CERTIFICATE_CHAIN_FOUND"
	RevokedNoPOE                   SubIndication = "REVOKED_NO_POE"
	RevokedCANoPOE                 SubIndication = "REVOKED_CA_NO_POE"
	OutOfBoundsNoPOE               SubIndication = "OUT_OF_BOUNDS_NO_POE"
	NoPOE                          SubIndication = "NO_POE"
	PolicyProcessingError          SubIndication = "POLICY_PROCESSING_ERROR"
	SignaturePolicyNotAvailable    SubIndication = "SIGNATURE_POLICY_NOT_AVAILABLE"
	SignedDataNotFound             SubIndication = "SIGNED_DATA_NOT_FOUND"
	TryLater                       SubIndication = "TRY_LATER"
)

// Status is the result of one check.
type Status string

// Results of a check. WARNING does not change the verdict; IGNORED was not run,
// or was not asked for.
const (
	Passed  Status = "PASSED"
	Failed  Status = "FAILED"
	Warning Status = "WARNING"
	Ignored Status = "IGNORED"
)

// Formats of a signature: in a PDF file the SubFilter of its dictionary, without the solidus;
// in XML whether it has the properties of XAdES, in JSON the header parameters of JAdES; in a file of its own whether it
// is CAdES.
const (
	FormatCAdES     = "ETSI.CAdES.detached"
	FormatPKCS7     = "adbe.pkcs7.detached"
	FormatPKCS7SHA1 = "adbe.pkcs7.sha1"
	FormatTimestamp = "ETSI.RFC3161"
	FormatXAdES     = "XAdES"
	FormatXMLDSig   = "XMLDSig"
	FormatCAdESFile = "CAdES" // in a file of its own
	FormatCMS       = "CMS"   // the same, but it does not name its certificate
	FormatJAdES     = "JAdES"
	FormatJWS       = "JWS"
)

// Baseline levels of EN 319 142-1. A signature that is not in the baseline
// (adbe.*), or that failed before a level could be judged, has none.
const (
	LevelB   = "B-B"
	LevelT   = "B-T"
	LevelLT  = "B-LT"
	LevelLTA = "B-LTA"
)

// A Report is the verdict on one document. It is a value: what could not be
// decided about a signature is INDETERMINATE, not an error.
type Report struct {
	// Signatures has one row a signature field with a value, document timestamps
	// included, in the order in which they were added.
	Signatures []Signature `json:"signatures"`
	Document   Document    `json:"document"`
	// Material is what the verdicts rest on, if Options.Collect asked for it.
	Material *Material `json:"-"`
}

// Signature is the verdict on one signature.
type Signature struct {
	// Field is the full name of the signature field; of an XML signature its Id, of one in
	// JSON its number.
	Field string `json:"field"`
	// Format is one of the Format constants, or the SubFilter as it stands there.
	Format string `json:"format"`
	// Level is the baseline level reached by what is there and valid.
	Level         string        `json:"level"`
	Indication    Indication    `json:"indication"`
	SubIndication SubIndication `json:"sub_indication"`
	// Signer is the subject of the signing certificate (RFC 4514).
	Signer string `json:"signer"`
	// SigningTime is what the signer claims; for a document timestamp its genTime.
	SigningTime *time.Time `json:"signing_time"`
	// BestSignatureTime is the earliest time at which the signature is proven to
	// have existed, or nil when no valid timestamp proves any (EN 319 102-1, 5.5).
	BestSignatureTime *time.Time `json:"best_signature_time"`
	// Anchor is what the signer's chain ends in, where trusted lists were consulted.
	Anchor *Anchor `json:"anchor,omitempty"`
	Checks []Check `json:"checks"`
	// Evidence is about the signer's certificate; nil where there was none to judge.
	Evidence *SignerEvidence `json:"-"`
	// Covers is how many bytes of a PDF the signature covers, from the first on, up to the end of a revision; 0 where it
	// covers no whole revision, and in other formats.
	Covers int64 `json:"-"`
	// Signed says what an XML or JSON signature covers: nodes of the document by their paths,
	// the payload, files. It was resolved once, and is what was digested.
	Signed []string `json:"signed,omitempty"`
}

// Check is one constraint and its result.
type Check struct {
	// Name is the building block of EN 319 102-1 that the check belongs to: FC, ISC,
	// VCI, CV, XCV, RFC (revocation freshness), TSV (time-stamp), SAV, PSV.
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}

// Document is the verdict on what surrounds the signatures.
type Document struct {
	// Modifications sums up what was changed after the first signature.
	Modifications changes.Level `json:"modifications"`
	// Unsigned are the elements of an XML document, the members of a JSON one (whitespace and etsiU aside), and the files
	// of a container or given with a message, that no signature that passed covers. A reader who takes what stands there
	// for signed is being deceived.
	Unsigned []string `json:"unsigned,omitempty"`
	// Faults are what is wrong with a container itself. With any, it does not pass.
	Faults []string `json:"faults,omitempty"`
	// Changes are the changes one by one, in the order of the revisions.
	Changes []changes.Change `json:"-"`
}

// Passed reports whether a relying party may act on the document: at least one
// signature, all of them TOTAL-PASSED, no suspicious change afterwards, and nothing in an
// XML document that is not signed. A document without signatures, or with one that could not be read, never passes.
func (r *Report) Passed() bool {
	for _, s := range r.Signatures {
		if s.Indication != TotalPassed {
			return false
		}
	}
	return len(r.Signatures) > 0 && r.Document.Modifications != changes.Suspicious && len(r.Document.Unsigned) == 0 && len(r.Document.Faults) == 0
}
