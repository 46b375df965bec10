package cms

import (
	"bytes"
	"crypto"
	"errors"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"
)

func sampleTST() TSTInfo {
	return TSTInfo{Version: 1, Policy: []int{1, 2, 3}, HashAlgorithm: crypto.SHA256, Imprint: make([]byte, 32), Serial: big.NewInt(77),
		GenTime: time.Date(2026, 3, 1, 12, 0, 0, 120_000_000, time.UTC), Accuracy: time.Second, Nonce: big.NewInt(-5)}
}

func TestTSTInfo(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*TSTInfo){
		"plain":           func(*TSTInfo) {},
		"whole second":    func(i *TSTInfo) { i.GenTime = i.GenTime.Truncate(time.Second) },
		"no accuracy":     func(i *TSTInfo) { i.Accuracy = 0 },
		"millis, micros":  func(i *TSTInfo) { i.Accuracy = 500*time.Millisecond + 128*time.Microsecond },
		"no nonce":        func(i *TSTInfo) { i.Nonce = nil },
		"large nonce":     func(i *TSTInfo) { i.Nonce = new(big.Int).Lsh(big.NewInt(1), 500) },
		"ordering":        func(i *TSTInfo) { i.Ordering = true },
		"tsa":             func(i *TSTInfo) { i.TSA = []byte{0xa4, 2, 0x30, 0} },
		"SHA-512 imprint": func(i *TSTInfo) { i.HashAlgorithm, i.Imprint = crypto.SHA512, make([]byte, 64) },
	} {
		info := sampleTST()
		change(&info)
		der, err := info.Marshal()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := ParseTSTInfo(der)
		if err != nil {
			t.Fatalf("%s: %v\n%x", name, err, der)
		}
		info.HashOID = OIDOfHash(info.HashAlgorithm)
		if d := cmp.Diff(&info, back, cmp.Comparer(func(a, b *big.Int) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 })); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if hasOrdering := bytes.Contains(der, []byte{1, 1, 0}); hasOrdering {
			t.Errorf("%s: DEFAULT FALSE is encoded", name)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	info := sampleTST()
	info.Imprint = hashOf(crypto.SHA256, content)
	if err := info.Covers(content); err != nil {
		t.Fatal(err)
	}
	if err := info.Covers([]byte("x")); !errors.Is(err, ErrDigest) {
		t.Fatalf("other data: %v", err)
	}
	info.HashAlgorithm = 0
	if err := info.Covers(content); !errors.Is(err, ErrAlgorithm) {
		t.Fatalf("unknown hash: %v", err)
	}
}

func TestGenTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"20260301120000Z":                        "2026-03-01T12:00:00Z",
		"20260301120000.5Z":                      "2026-03-01T12:00:00.5Z",
		"20260301120000.120Z":                    "2026-03-01T12:00:00.12Z",
		"20260301120000.123456789123Z":           "2026-03-01T12:00:00.123456789Z",
		"20260301120000":                         "",
		"20260301120000.Z":                       "",
		"20260301120000,5Z":                      "",
		"20260301120000.-5Z":                     "",
		"20260301120000+0800":                    "",
		"20260301120060Z":                        "", // a leap second has no token
		"20260230120000Z":                        "",
		"202603011200Z":                          "",
		"20260301120000.0000000000000000000000Z": "",
	} {
		s := cryptobyte.String(element(24, []byte(text)))
		got, ok := readGenTime(&s)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	for millis, want := range map[int]string{0: "20260301120000Z", 1: "20260301120000.001Z", 100: "20260301120000.1Z", 120: "20260301120000.12Z"} {
		at := time.Date(2026, 3, 1, 20, 0, 0, millis*1e6+999_999, time.FixedZone("HKT", 8*3600))
		if got := string(appendGenTime(nil, at)); got != want {
			t.Errorf("%d ms: %s", millis, got)
		}
	}
}

func TestTimestampMessages(t *testing.T) {
	t.Parallel()
	request := &TimestampRequest{Version: 1, HashAlgorithm: crypto.SHA384, HashOID: OIDOfHash(crypto.SHA384), Imprint: make([]byte, 48),
		Policy: []int{1, 2, 3}, Nonce: big.NewInt(9), CertReq: true}
	der, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseTimestampRequest(der); err != nil || !reflect.DeepEqual(request, back) {
		t.Fatalf("%+v, %v", back, err)
	}
	for _, r := range []*TimestampResponse{
		{Status: StatusGranted, Token: []byte{0x30, 0}},
		{Status: StatusRejection, Text: []string{"no", "不"}, Failures: []FailureInfo{BadAlg}},
		{Status: StatusRejection, Failures: []FailureInfo{BadRequest, BadDataFormat, TimeNotAvailable, UnacceptedPolicy}},
		{Status: StatusRejection, Failures: []FailureInfo{UnacceptedExtension, AddInfoNotAvailable, SystemFailure}},
		{Status: StatusRejection},
	} {
		der, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseTimestampResponse(der); err != nil || !reflect.DeepEqual(r, back) {
			t.Errorf("%+v, %v\n%x", back, err, der)
		}
	}
	for name, r := range map[string]*TimestampResponse{
		"granted without token": {Status: StatusGranted},
		"refused with token":    {Status: StatusRejection, Token: []byte{0x30, 0}},
	} {
		der, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseTimestampResponse(der); err == nil {
			t.Errorf("%s: %+v", name, back)
		}
	}
	if _, err := ParseTimestampRequest(make([]byte, maxRequest+1)); !errors.Is(err, ErrLimit) {
		t.Errorf("large request: %v", err)
	}
}

// A token must have one signer and a TSTInfo inside.
func TestTokenRefuses(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content})
	if _, err := ParseTimestampToken(der); !errors.Is(err, ErrMalformed) {
		t.Errorf("id-data as token: %v", err)
	}
	info := sampleTST()
	tst, err := info.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	token := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: tst,
		change: func(a *SignedAttributes) { a.ContentType = OIDTSTInfo }, changeBuild: func(p *BuildParams) { p.ContentType = OIDTSTInfo }})
	parsed, err := ParseTimestampToken(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.VerifySignature(s.cert.Raw); err != nil {
		t.Fatal(err)
	}
	twin := newSigner(t, "p256") // same key, another certificate
	if bytes.Equal(twin.cert.Raw, s.cert.Raw) {
		t.Fatal("the twin is the same certificate")
	}
	if err := parsed.VerifySignature(twin.cert.Raw); !errors.Is(err, ErrAttributes) {
		t.Errorf("another certificate for the same key: %v", err)
	}
	parsed.SignerInfos = append(parsed.SignerInfos, parsed.Signer)
	two, err := parsed.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseTimestampToken(two); !errors.Is(err, ErrMalformed) {
		t.Errorf("two signers: %v", err)
	}
}
