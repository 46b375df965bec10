package cms

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/corpus"
)

// corpusTokens gives every timestamp token in the corpora: in attributes, as document timestamps, in responses.
func corpusTokens(t *testing.T) []corpusMessage {
	t.Helper()
	var list []corpusMessage
	for _, m := range corpusMessages(t) {
		der, err := TrimContents(m.der)
		if err != nil {
			continue
		}
		sd, err := Parse(der)
		if err != nil {
			continue
		}
		if sd.ContentType.Equal(OIDTSTInfo) {
			list = append(list, corpusMessage{name: m.name, der: der, content: m.content})
		}
		for _, si := range sd.SignerInfos {
			for _, token := range si.SignatureTimestamps() {
				list = append(list, corpusMessage{name: m.name, der: token, content: si.Signature})
			}
		}
	}
	err := filepath.WalkDir(corpus.Dir(t, "esig_dss"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tsr" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		list = append(list, corpusMessage{name: path, der: b})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func verifyToken(m corpusMessage) error {
	token, err := ParseTimestampToken(m.der)
	if err != nil {
		return err
	}
	if m.content != nil {
		if err := token.Covers(m.content); err != nil {
			return err
		}
	}
	cert := token.Signer.FindCertificate(token.Certificates)
	if cert == nil {
		return errNoCertificate
	}
	return token.VerifySignature(cert)
}

// tokenRefusals are the tokens that are not in order, each with the reason that must be given.
var tokenRefusals = map[string]error{
	"3895d437cf3da104fdd550a9.pdf": ErrAlgorithm, // a hash that does not exist
	"51f7b627ef04b5150826e6bc.pdf": ErrDigest,    // tampered with
	"pades-two-sig-copied-tst.pdf": ErrDigest,    // the token of another signature
	"Signature-C-DE_CRY-4.p7m":     ErrMalformed,
	"cms-wrong-sign-cert-ref.p7m":  ErrSignature,
}

// Every timestamp of a stranger verifies with the certificate inside, and is bound to it, but for the listed ones.
func TestCorpusTimestamps(t *testing.T) {
	t.Parallel()
	verified := 0
	for _, m := range corpusTokens(t) {
		var want error
		for part, err := range tokenRefusals {
			if strings.Contains(m.name, part) {
				want = err
			}
		}
		err := verifyToken(m)
		if err == nil {
			verified++
		} else if want == nil || !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", m.name, err, want)
		}
	}
	t.Logf("%d tokens verified", verified)
	if verified < 300 {
		t.Errorf("only %d tokens verified", verified)
	}
}
