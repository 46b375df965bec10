package validation

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"

	"chop/internal/cms"
	"chop/internal/pdf"
	"chop/validation/changes"
)

// A signature is one signature of the document and everything found out about it on
// the way to its row in the report.
type signature struct {
	subject
	cmsSigner
	revision int // that the signature covers; also its place among the proofs

	value     pdf.Dict // of the signature, and of its field
	fieldDict pdf.Dict
	ref       pdf.Ref    // object that holds value
	path      []pdf.Name // ... there
	byteRange [2]pdf.Span
	covers    int64 // bytes, up to the end of the revision; 0: none
	permits   changes.Permission

	stamp *token // of a document time-stamp
}

var formats = []string{FormatCAdES, FormatPKCS7, FormatPKCS7SHA1, FormatTimestamp}

// timestamp reports whether s is a document time-stamp.
func (s *signature) timestamp() bool { return s.format == FormatTimestamp }

// findSignatures lists the signatures of all revisions, those of the newest first:
// a signature that a later revision takes out of the form is still one that was
// made. What cannot be listed is told in troubles.
func findSignatures(file *pdf.File) (found []*signature, troubles []string) {
	type key struct {
		field string
		ref   pdf.Ref
	}
	seen := map[key]bool{}
	for i := file.Len() - 1; i >= 0; i-- {
		fields, err := pdf.Signatures(file.Shared(i))
		if err != nil {
			troubles = append(troubles, fmt.Sprintf("form of revision %d: %v", i, err))
			continue
		}
		for _, f := range fields {
			if f.Value == nil || seen[key{f.Field.Name, f.Ref}] {
				continue
			}
			seen[key{f.Field.Name, f.Ref}] = true
			found = append(found, &signature{
				subject: subject{field: f.Field.Name}, fieldDict: f.Field.Dict, value: f.Value, ref: f.Ref, path: f.Path, revision: i,
			})
		}
	}
	return found, troubles
}

// read interprets the signature dictionary (ISO 32000-2, 12.8.1) and the message in
// it, without hashing anything. A failure is recorded in s.fatal.
func (s *signature) read(file *pdf.File, doc io.ReaderAt) {
	contents, errCovered := s.covered(file, doc)
	v := file.Shared(s.revision) // what a later revision says of the dictionary counts for nothing
	filter, err := v.Name(s.value["SubFilter"])
	if err != nil || filter == "" {
		s.fatal = fail(FormatFailure, "signature dictionary has no SubFilter")
		return
	}
	s.format = string(filter)
	if m, err := v.String(s.value["M"]); err == nil && m != nil {
		if at, err := pdf.ParseDate(m); err == nil {
			s.claimed = &at
		}
	}
	if errCovered != nil {
		s.fatal = fail(FormatFailure, "%v", errCovered)
		return
	}
	if !slices.Contains(formats, s.format) {
		s.breach("SubFilter %s is not supported", filter) // judged as detached CMS, but never passed
	}
	if err := s.parse(contents); err != nil {
		s.fatal = fail(FormatFailure, "%v", err)
		if !slices.Contains(formats, s.format) {
			s.fatal = s.strict
		}
		return
	}
	s.consistent(v)
	s.checks.outside(s.outside(s.revision < file.Len()-1))
	s.permits, err = changes.Permissions(v, s.fieldDict, s.value)
	if err != nil {
		s.fatal = fail(FormatFailure, "%v", err)
	}
}

// parse reads the CMS message.
func (s *signature) parse(contents []byte) error {
	der, err := cms.TrimContents(contents)
	switch {
	case errors.Is(err, cms.ErrPadding): // what follows the message is covered by nothing
		s.breach("Contents: %v", err)
	case err != nil:
		return fmt.Errorf("read Contents: %w", err)
	}
	if s.timestamp() {
		t, err := cms.ParseTimestampToken(der)
		if err != nil {
			return fmt.Errorf("time-stamp token: %w", err)
		}
		s.message, s.signer = t.SignedData, t.Signer
		s.stamp = &token{TimestampToken: t, place: s.revision + 1}
		s.claimed = &t.Info.GenTime
		return nil
	}
	if s.message, err = cms.Parse(der); err != nil {
		return fmt.Errorf("CMS message: %w", err)
	}
	if len(s.message.SignerInfos) == 0 {
		return errors.New("CMS message without a signer")
	}
	s.signer = s.message.SignerInfos[0]
	if s.message.Content != nil && s.format != FormatPKCS7SHA1 {
		// RFC 5652 has the digest taken of this content, the SubFilter of the document:
		// two readers would check two things.
		return errors.New("CMS message of a detached signature has a content")
	}
	if at, err := s.signer.SigningTime(); err == nil && !at.IsZero() && s.claimed == nil {
		s.claimed = &at
	}
	return s.checkSingleValued()
}

// Signed attributes that have one value (EN 319 122-1, 5): with several, which one
// counts would be the reader's choice. Package cms looks after those of RFC 5652.
var singleValued = []asn1.ObjectIdentifier{
	cms.OIDSigningTime, cms.OIDSigningCertificate, cms.OIDSigningCertificateV2, cms.OIDSignaturePolicy,
	cms.OIDCommitmentType, cms.OIDSignerLocation,
	{1, 2, 840, 113549, 1, 9, 16, 2, 18}, // signer-attributes
	{0, 4, 0, 19122, 1, 1},               // signer-attributes-v2
}

func (s *cmsSigner) checkSingleValued(but ...asn1.ObjectIdentifier) error {
	for _, a := range s.signer.SignedAttrs {
		if len(a.Values) != 1 && slices.ContainsFunc(singleValued, a.Type.Equal) && !slices.ContainsFunc(but, a.Type.Equal) {
			return fmt.Errorf("signed attribute %v has %d values", a.Type, len(a.Values))
		}
	}
	return nil
}

// consistent checks what the formats ask beyond what verification needs. A breach
// makes the signature INDETERMINATE, for FORMAT_FAILURE is kept for signatures that
// cannot be processed (EN 319 102-1, table 5).
func (s *signature) consistent(v *pdf.View) {
	kind, err := v.Name(s.value["Type"])
	switch {
	case err != nil, s.timestamp() && kind != "DocTimeStamp", !s.timestamp() && kind != "" && kind != "Sig":
		s.breach("Type of the signature dictionary is %q", kind)
	case len(s.message.SignerInfos) != 1:
		s.breach("CMS message has %d signers", len(s.message.SignerInfos))
	case s.timestamp(), s.format == FormatPKCS7SHA1:
	case !s.message.ContentType.Equal(cms.OIDData):
		s.breach("content type is %v", s.message.ContentType)
	}
	if s.format == FormatCAdES && s.signer.SignedAttrs == nil {
		s.breach("no signed attributes")
	}
}

// wanted lists the digest algorithms under which the signed bytes are needed.
func (s *signature) wanted() []crypto.Hash {
	switch {
	case s.fatal.ind != "":
		return nil
	case s.timestamp():
		return []crypto.Hash{s.stamp.Info.HashAlgorithm}
	case s.format == FormatPKCS7SHA1:
		return []crypto.Hash{crypto.SHA1}
	}
	list := []crypto.Hash{s.signer.Digest}
	for _, der := range s.signer.ContentTimestamps() {
		if t, err := cms.ParseTimestampToken(der); err == nil {
			list = append(list, t.Info.HashAlgorithm)
		}
	}
	return list
}
