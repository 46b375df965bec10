package timestamping

import (
	"context"
	"crypto/elliptic"
	"testing"

	"chop/internal/cms"
)

// Whatever is asked, the answer is a response that can be read.
func FuzzRespond(f *testing.F) {
	u := newUnit(f, ecKey(f, elliptic.P256()), nil)
	u.key = noKey{u.key, []byte{1}}
	a := newAuthority(f, u.config())
	f.Add(encode(f, nil))
	f.Add(encode(f, func(r *cms.TimestampRequest) { r.CertReq = true }))
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, err := a.Respond(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cms.ParseTimestampResponse(reply); err != nil {
			t.Fatalf("%v\n%x", err, reply)
		}
	})
}

func FuzzParseUsagePeriod(f *testing.F) {
	u := newUnit(f, ecKey(f, elliptic.P256()), nil)
	f.Add(usagePeriod(f, u.cert.NotBefore, u.cert.NotAfter).Value)
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		from, to, err := parseUsagePeriod(b)
		if err == nil && (from.Location().String() != "UTC" || to.Location().String() != "UTC") {
			t.Fatalf("%v, %v", from, to)
		}
	})
}
