package validation

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"testing"

	"chop/internal/cms"
)

// What time-stamps cover is digested for each anew, so that a document with hundreds of them
// over a large payload would take minutes: there is an end to it, for all its signatures.
func TestJSONWork(t *testing.T) {
	work := int64(250)
	payload := make([]byte, 100)
	digest := sha256.Sum256(payload)
	info := &cms.TSTInfo{HashAlgorithm: crypto.SHA256, Imprint: digest[:]}
	var got []error
	for range 4 {
		s := &jsonSignature{work: &work}
		got = append(got, s.over(info, func() ([]byte, error) { return payload, nil }))
	}
	if got[0] != nil || got[1] != nil || got[2] != nil || !errors.Is(got[3], errWork) {
		t.Errorf("%v", got)
	}
}
