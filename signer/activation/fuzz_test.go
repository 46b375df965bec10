package activation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/internal/cms"
	"chop/internal/solecontrol"
)

func selfSigned(t testing.TB) *x509.Certificate {
	t.Helper()
	k := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever is taken for signed attributes is exactly that: made anew from what
// was read of it, it is the same bytes.
func FuzzSignedAttributes(f *testing.F) {
	certificate := selfSigned(f)
	good, err := cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: make([]byte, 32), Certificate: certificate, Hash: crypto.SHA256}.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	timed, err := cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: make([]byte, 32), Certificate: certificate, Hash: crypto.SHA256, SigningTime: time.Now()}.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(timed)
	f.Add(certificate.RawTBSCertificate)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readAttributes(b, certificate)
		if err != nil {
			return
		}
		if len(p.digest) != 32 || b[0] != 0x31 {
			t.Fatalf("%x", b)
		}
		list, err := cms.ParseSignedAttributes(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: p.digest, Certificate: certificate, Hash: crypto.SHA256}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 3 && len(again) == len(b) && !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, made anew %x", b, again)
		}
	})
}

// FuzzBodies sends anything to every address of both sockets. Nothing behind them
// is there: whatever gets so far as to need it has passed the parsers.
func FuzzBodies(f *testing.F) {
	s := &Service{cfg: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, MaxOpen: 10, PortalOrigin: "http://localhost:8080",
		Pins: func() (*Pins, error) { return &Pins{}, nil }}}
	paths := map[string]func([]byte) error{
		"mint":      func(b []byte) error { var v MintRequest; return firstError(solecontrol.Decode(b, &v), s.checkMint(&v)) },
		"enrol":     func(b []byte) error { return solecontrol.Decode(b, new(EnrolmentRequest)) },
		"act":       func(b []byte) error { var v Act; return firstError(solecontrol.Decode(b, &v), v.check()) },
		"approval":  func(b []byte) error { return solecontrol.Decode(b, new(solecontrol.Approval)) },
		"collected": func(b []byte) error { return solecontrol.Decode(b, new(Collected)) },
		"status":    func(b []byte) error { return solecontrol.Decode(b, new(EnrolmentStatus)) },
		"pins":      func(b []byte) error { _, err := ParsePins(b); return err },
		"ticket": func(b []byte) error {
			var v solecontrol.SignedTicket
			if err := solecontrol.Decode(b, &v); err != nil {
				return err
			}
			_, err := s.checkTicket(&v)
			return err
		},
		"order": func(b []byte) error {
			var v solecontrol.SignedOrder
			if err := solecontrol.Decode(b, &v); err != nil {
				return err
			}
			_, err := s.checkOrder(&v)
			return err
		},
	}
	f.Add([]byte(`{"credential":"0190a0a0-0000-7000-8000-000000000000","service":{"id":"a","name":"b"},"return":"http://localhost:8080/","documents":[]}`))
	f.Add([]byte(`{"by":"officer:a","reason":"b"}`))
	f.Add([]byte(`{"request":"AA","assertion":{"id":"AA","authenticatorData":"AA","clientDataJSON":"AA","signature":"AA"},"enc":"AA","ciphertext":"AA"}`))
	f.Add([]byte(`{"ticket":"AA","immdAnswer":"AA","signature":"AA"}`))
	f.Add([]byte(`{"officers":[],"kiosks":[],"immigration":[],"issuing":[]}`))
	f.Add([]byte(`{"prf":1}`))
	handler := answer(s, maxSmall, func(context.Context, string, *declineBody) (*empty, error) { return &empty{}, nil })
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, parse := range paths {
			if parse(b) == nil && (name == "ticket" || name == "order") {
				t.Fatalf("%s was believed, and nobody is pinned: %s", name, b)
			}
		}
		if leaksSecret(b) {
			return // it would be recorded
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(b)))
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge {
			t.Fatalf("%d: %s", w.Code, b)
		}
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// FuzzVersions reads any file of versions: what a crash has cut is dropped, no version goes down, and what is added
// afterwards is there at the next start.
func FuzzVersions(f *testing.F) {
	id := uuid.MustParse("0190a0a0-0000-7000-8000-000000000000")
	entry := binary.BigEndian.AppendUint64(id[:], 7)
	f.Add([]byte{})
	f.Add(entry)
	f.Add(append(bytes.Clone(entry), entry[:5]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			return
		}
		path := filepath.Join(t.TempDir(), "versions")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := openVersions(path)
		if err != nil {
			t.Fatal(err)
		}
		was := v.highest(id.String())
		next := max(was, 2)
		if next < math.MaxUint64 {
			next++
		}
		if err := errors.Join(v.raise(id.String(), next), v.raise(id.String(), 3), v.close()); err != nil {
			t.Fatal(err)
		}
		again, err := openVersions(path)
		if err != nil {
			t.Fatal(err)
		}
		defer again.close()
		for other, high := range v.high {
			if again.high[other] != high {
				t.Fatalf("%v: %d, was %d", other, again.high[other], high)
			}
		}
		if got := again.highest(id.String()); got != next {
			t.Fatalf("%d, want %d", got, next)
		}
	})
}
