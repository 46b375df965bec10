package timestamping

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
)

// brokenKey is an HSM that does not answer.
type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("token in flames")
}

func encode(t testing.TB, change func(*cms.TimestampRequest)) []byte {
	t.Helper()
	r := &cms.TimestampRequest{HashAlgorithm: crypto.SHA256, Imprint: imprint[:]}
	if change != nil {
		change(r)
	}
	der, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func respond(t testing.TB, a *Authority, der []byte) *cms.TimestampResponse {
	t.Helper()
	b, err := a.Respond(context.Background(), der)
	if err != nil {
		t.Fatal(err)
	}
	response, err := cms.ParseTimestampResponse(b)
	if err != nil {
		t.Fatalf("%v\n%x", err, b)
	}
	return response
}

func TestRespondRefuses(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, newUnit(t, ecKey(t, elliptic.P256()), nil).config())
	good := encode(t, nil)
	// patch replaces bytes of the good request by as many others.
	patch := func(from, to string) []byte {
		if bytes.Count(good, []byte(from)) != 1 || len(from) != len(to) {
			t.Fatalf("%x is not once in %x", from, good)
		}
		return bytes.Replace(good, []byte(from), []byte(to), 1)
	}
	// extended appends an element to the request's SEQUENCE.
	extended := func(element ...byte) []byte {
		b := append(bytes.Clone(good), element...)
		b[1] += byte(len(element))
		return b
	}
	for _, c := range []struct {
		name  string
		query []byte
		want  cms.FailureInfo
	}{
		{"nothing", nil, cms.BadDataFormat},
		{"garbage", []byte("GET / HTTP/1.1"), cms.BadDataFormat},
		{"trailing byte", append(bytes.Clone(good), 0), cms.BadDataFormat},
		{"indefinite length", append(append([]byte{0x30, 0x80}, good[2:]...), 0, 0), cms.BadDataFormat},
		{"unknown field", extended(0x85, 0), cms.BadDataFormat},
		{"version 2", patch("\x02\x01\x01", "\x02\x01\x02"), cms.BadRequest},
		{"SHA-224", patch("\x60\x86\x48\x01\x65\x03\x04\x02\x01", "\x60\x86\x48\x01\x65\x03\x04\x02\x04"), cms.BadAlg},
		{"SHA-1", encode(t, func(r *cms.TimestampRequest) { r.HashAlgorithm, r.Imprint = crypto.SHA1, make([]byte, 20) }), cms.BadAlg},
		{"MD5", encode(t, func(r *cms.TimestampRequest) { r.HashAlgorithm, r.Imprint = crypto.MD5, make([]byte, 16) }), cms.BadAlg},
		{"unknown hash", patch("\x60\x86\x48\x01\x65\x03\x04\x02\x01", "\x60\x86\x48\x01\x65\x03\x04\x02\x63"), cms.BadAlg},
		{"hash with parameters", patch("\x05\x00", "\x30\x00"), cms.BadAlg},
		{"short imprint", encode(t, func(r *cms.TimestampRequest) { r.Imprint = r.Imprint[1:] }), cms.BadDataFormat},
		{"SHA-256 imprint called SHA-512", encode(t, func(r *cms.TimestampRequest) { r.HashAlgorithm = crypto.SHA512 }), cms.BadDataFormat},
		{"empty imprint", encode(t, func(r *cms.TimestampRequest) { r.Imprint = nil }), cms.BadDataFormat},
		{"another policy", encode(t, func(r *cms.TimestampRequest) { r.Policy = []int{1, 2, 3} }), cms.UnacceptedPolicy},
		{"extension", extended(0xa0, 9, 0x30, 7, 6, 3, 0x2a, 3, 4, 4, 0), cms.UnacceptedExtension},
		{"long nonce", encode(t, func(r *cms.TimestampRequest) { r.Nonce = new(big.Int).Lsh(big.NewInt(1), 512) }), cms.BadRequest},
	} {
		r := respond(t, a, c.query)
		if r.Status != cms.StatusRejection || r.Token != nil || !slices.Equal(r.Failures, []cms.FailureInfo{c.want}) || len(r.Text) != 1 {
			t.Errorf("%s: %+v, want %v\n%x", c.name, r, c.want, c.query)
		}
	}
}

// What the authority itself lacks is told to the client without its cause, and to the log with it.
func TestRespondFails(t *testing.T) {
	t.Parallel()
	u := newUnit(t, ecKey(t, elliptic.P256()), nil)
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   cms.FailureInfo
		cause  string
	}{
		{"clock", func(c *Config) { c.Now = func() (time.Time, error) { return time.Time{}, ErrClock } }, cms.TimeNotAvailable, "clock not trusted"},
		{"key", func(c *Config) { c.Key = brokenKey{c.Key} }, cms.SystemFailure, "token in flames"},
		{"randomness", func(c *Config) { c.Rand = strings.NewReader("short") }, cms.SystemFailure, "serial number"},
		{"expired", func(c *Config) {
			c.Now = func() (time.Time, error) { return u.cert.NotAfter.Add(time.Hour), nil }
		}, cms.SystemFailure, "is not between"},
	} {
		var log bytes.Buffer
		config := u.config()
		config.Log = slog.New(slog.NewTextHandler(&log, nil))
		c.change(&config)
		r := respond(t, newAuthority(t, config), encode(t, nil))
		if r.Token != nil || !slices.Equal(r.Failures, []cms.FailureInfo{c.want}) {
			t.Errorf("%s: %+v", c.name, r)
		}
		if !strings.Contains(log.String(), c.cause) || strings.Contains(strings.Join(r.Text, ""), c.cause) {
			t.Errorf("%s: client reads %q, log %q", c.name, r.Text, log.String())
		}
	}
}

// What a request asks for is in the token: nonce of either sign, its own policy, certificates or none, each hash.
func TestRespondGrants(t *testing.T) {
	t.Parallel()
	u := newUnit(t, ecKey(t, elliptic.P256()), nil)
	a := newAuthority(t, u.config())
	for name, change := range map[string]func(*cms.TimestampRequest){
		"plain":          nil,
		"certificates":   func(r *cms.TimestampRequest) { r.CertReq = true },
		"nonce":          func(r *cms.TimestampRequest) { r.Nonce = big.NewInt(1 << 62) },
		"negative nonce": func(r *cms.TimestampRequest) { r.Nonce = big.NewInt(-129) },
		"zero nonce":     func(r *cms.TimestampRequest) { r.Nonce = new(big.Int) },
		"policy":         func(r *cms.TimestampRequest) { r.Policy = []int{1, 3, 6, 1, 4, 1, 99999, 3, 1} },
		"SHA-384":        func(r *cms.TimestampRequest) { r.HashAlgorithm, r.Imprint = crypto.SHA384, make([]byte, 48) },
		"SHA-512":        func(r *cms.TimestampRequest) { r.HashAlgorithm, r.Imprint = crypto.SHA512, make([]byte, 64) },
	} {
		query := encode(t, change)
		request, err := cms.ParseTimestampRequest(query)
		if err != nil {
			t.Fatal(err)
		}
		r := respond(t, a, query)
		if r.Status != cms.StatusGranted {
			t.Fatalf("%s: %+v", name, r)
		}
		token, err := cms.ParseTimestampToken(r.Token)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := token.VerifySignature(u.cert.Raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		info := token.Info
		sameNonce := (info.Nonce == nil) == (request.Nonce == nil) && (info.Nonce == nil || info.Nonce.Cmp(request.Nonce) == 0)
		if !sameNonce || info.HashAlgorithm != request.HashAlgorithm || !bytes.Equal(info.Imprint, request.Imprint) ||
			(len(token.Certificates) > 0) != request.CertReq {
			t.Errorf("%s: %+v, %d certificates", name, info, len(token.Certificates))
		}
	}
}

func TestRespondEnds(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, newUnit(t, ecKey(t, elliptic.P256()), nil).config())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if b, err := a.Respond(ctx, encode(t, nil)); !errors.Is(err, context.Canceled) {
		t.Fatalf("%x, %v", b, err)
	}
}
