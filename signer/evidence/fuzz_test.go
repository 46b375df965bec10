package evidence

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"chop/internal/solecontrol"
)

// Whatever an export holds, checking it ends with a report or ErrExport, and nothing that
// was not in it is ever proven.
func FuzzCheck(f *testing.F) {
	head := `{"kind":"head","version":"chop/approvals/v1","at":"2026-01-01T00:00:00Z","identity":"` + someIdentity + `","log_batch":0,"log_hash":""}`
	f.Add([]byte(head))
	f.Add([]byte(head + "\n" + `{"kind":"certificate","serial":"01","profile":"resident","credential":"x","der":"AAAA","statement":"e30"}`))
	f.Add([]byte(head + "\n" + `{"kind":"credential","id":"x","account":"y","ticket":"AAAA"}` + "\n" +
		`{"kind":"event","id":"e","at":"2026-01-01T00:00:00Z","actor":"a","action":"activation.signed","subject":"credential:x","detail":{"transaction":"t","documents":[{"dtbsr":"00"}]}}`))
	f.Add([]byte(head + "\n" + `{"kind":"signature","signing":"s","account":"y","credential":"x","state":"signed","certificate":"AAAA","approval":{"request":"e30","authenticatorData":"AA","clientDataJSON":"AA","signature":"AA","passkey":"AA","coseKey":"AA","rpId":"a","origin":"http://a"},"documents":[{"digest":"AA","attributes":"MQA","signature":"AA"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := Check(bytes.NewReader(in), nil)
		if err == nil && (r.Proven > 0 || r.Signings > 0 && r.OK()) {
			t.Errorf("proven: %+v", r)
		}
		_, _ = Reconcile(t.Context(), bytes.NewReader(in), nil, nil)
	})
}

// someIdentity is a P-256 key of nobody.
const someIdentity = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li_hp_m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q"

// FuzzApproval: evidence of other things than were expected never holds.
func FuzzApproval(f *testing.F) {
	a := Approval{Request: []byte(`{"kind":"sign"}`), AuthenticatorData: make([]byte, 37), ClientDataJSON: []byte("{}"), RPID: "a", Origin: "http://a"}
	b, err := json.Marshal(a)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, in []byte) {
		var a Approval
		if json.Unmarshal(in, &a) != nil {
			return
		}
		err := a.Check(Expected{Credential: "nobody's", Documents: []ExpectedDocument{{make([]byte, 32), make([]byte, 32)}}})
		if err == nil || !strings.Contains(err.Error(), ErrEvidence.Error()) {
			t.Errorf("%s: %v", in, err)
		}
	})
}

func TestSomeIdentity(t *testing.T) {
	t.Parallel()
	b, err := solecontrol.ParseBytes(someIdentity)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := solecontrol.ParseSPKI(b); err != nil {
		t.Fatal(err)
	}
}
