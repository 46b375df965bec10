package activation

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"

	"chop/internal/cms"
	"chop/internal/solecontrol"
)

// prepared is what the signed attributes of one document say, read here.
type prepared struct {
	digest []byte             // messageDigest: of the document
	dtbsr  solecontrol.Digest // what the key signs
}

// readAttributes reads the data to be signed: CMS signed attributes in DER
// (RFC 5652, 5.3), with a content type of id-data, the document's digest, and a
// signing-certificate-v2 (RFC 5035, 3) that names the credential's certificate.
// So the key never signs a certificate, a CSR, an OCSP answer or an attribute of
// unknown meaning.
func readAttributes(der []byte, certificate *x509.Certificate) (prepared, error) {
	list, err := cms.ParseSignedAttributes(der)
	if err != nil {
		return prepared{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	known := []string{
		cms.OIDContentType.String(), cms.OIDMessageDigest.String(), cms.OIDSigningCertificateV2.String(),
		cms.OIDSigningTime.String(), cms.OIDSignaturePolicy.String(), cms.OIDCommitmentType.String(),
		cms.OIDSignerLocation.String(), cms.OIDAlgorithmProtection.String(),
	}
	for _, a := range list {
		if !slices.Contains(known, a.Type.String()) {
			return prepared{}, fmt.Errorf("%w: signed attribute %v", ErrRefused, a.Type)
		}
	}
	si := &cms.SignerInfo{SignedAttrs: list}
	contentType, err := si.ContentType()
	if err != nil || !contentType.Equal(cms.OIDData) {
		return prepared{}, fmt.Errorf("%w: content type is not id-data", ErrRefused)
	}
	digest, err := si.MessageDigest()
	if err != nil || len(digest) != sha256.Size {
		return prepared{}, fmt.Errorf("%w: message digest", ErrRefused)
	}
	if sc, err := si.SigningCertificate(); err != nil || sc == nil || sc.Version != 2 || len(sc.Certs) != 1 {
		return prepared{}, fmt.Errorf("%w: signing-certificate-v2", ErrRefused)
	}
	if err := si.BindsCertificate(certificate.Raw); err != nil {
		return prepared{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return prepared{digest, sha256.Sum256(der)}, nil
}
