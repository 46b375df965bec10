package timestamping

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	other "github.com/digitorus/timestamp"

	"chop/internal/cms"
)

var imprint = sha256.Sum256([]byte("Form TD123"))

// Every kind of key gives tokens that verify, carry what they must, and that another library reads the same.
func TestTimestamp(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		key    crypto.Signer
		scheme cms.Scheme
		hash   crypto.Hash
	}{
		{"P-256", ecKey(t, elliptic.P256()), "", crypto.SHA256},
		{"P-384", ecKey(t, elliptic.P384()), "", crypto.SHA384},
		{"P-521", ecKey(t, elliptic.P521()), "", crypto.SHA512},
		{"RSA", rsaKey, "", crypto.SHA256},
		{"RSA-PSS", rsaKey, cms.PSS, crypto.SHA256},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUnit(t, c.key, nil)
			config := u.config()
			config.Scheme = c.scheme
			config.Chain = []*x509.Certificate{u.root}
			at := time.Date(2026, 5, 4, 3, 2, 1, 987_654_321, time.UTC)
			config.Certificate.NotBefore, config.Certificate.NotAfter = at.Add(-time.Hour), at.Add(time.Hour)
			config.Now = func() (time.Time, error) { return at, nil }
			der, err := newAuthority(t, config).Timestamp(context.Background(), crypto.SHA256, imprint[:])
			if err != nil {
				t.Fatal(err)
			}
			token, err := cms.ParseTimestampToken(der)
			if err != nil {
				t.Fatal(err)
			}
			if err := token.VerifySignature(u.cert.Raw); err != nil {
				t.Fatal(err)
			}
			info := token.Info
			if !info.GenTime.Equal(at.Truncate(time.Millisecond)) || info.Accuracy != time.Second || info.Ordering || info.Nonce != nil ||
				info.Policy.String() != testPolicy().OID || !bytes.Equal(info.Imprint, imprint[:]) || info.Serial.BitLen() != 129 {
				t.Errorf("%+v", info)
			}
			if token.Signer.Digest != c.hash || len(token.Certificates) != 2 || token.BER {
				t.Errorf("digest %v, %d certificates, BER %v", token.Signer.Digest, len(token.Certificates), token.BER)
			}
			if sc, err := token.Signer.SigningCertificate(); err != nil || sc.Version != 2 {
				t.Errorf("ESS %+v, %v", sc, err)
			}
			if c.scheme == cms.PSS {
				return // not known there
			}
			theirs, err := other.Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			if !theirs.Time.Equal(info.GenTime) || theirs.SerialNumber.Cmp(info.Serial) != 0 || theirs.Accuracy != time.Second ||
				!bytes.Equal(theirs.HashedMessage, imprint[:]) || len(theirs.Certificates) != 2 {
				t.Errorf("read by another library: %+v", theirs)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	good := newUnit(t, key, nil)
	ekus := func(critical bool, der ...byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtraExtensions[0].Critical, c.ExtraExtensions[0].Value = critical, der }
	}
	for name, config := range map[string]Config{
		"no key":           {Certificate: good.cert, Policy: testPolicy(), Now: good.config().Now},
		"no clock":         {Key: key, Certificate: good.cert, Policy: testPolicy()},
		"no policy":        {Key: key, Certificate: good.cert, Now: good.config().Now},
		"another key":      {Key: ecKey(t, elliptic.P256()), Certificate: good.cert, Policy: testPolicy(), Now: good.config().Now},
		"EKU not critical": newUnit(t, key, ekus(false, 0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8)).config(),
		"EKU for another":  newUnit(t, key, ekus(true, 0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 4)).config(),
		"two EKUs":         newUnit(t, key, ekus(true, 0x30, 20, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 4)).config(),
		"no EKU":           newUnit(t, key, func(c *x509.Certificate) { c.ExtraExtensions = nil }).config(),
		"key usage":        newUnit(t, key, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment }).config(),
		"a CA":             newUnit(t, key, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }).config(),
		"PSS with EC":      func() Config { c := good.config(); c.Scheme = cms.PSS; return c }(),
		"no accuracy":      func() Config { c := good.config(); c.Policy = testPolicy(); c.Policy.Accuracy = 0; return c }(),
	} {
		if _, err := New(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The unit stops when its key's period of use ends, long before its certificate expires.
func TestPeriodOfUse(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	u := newUnit(t, ecKey(t, elliptic.P256()), func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, usagePeriod(t, now, now.Add(time.Minute)))
	})
	config := u.config()
	var at time.Time
	config.Now = func() (time.Time, error) { return at, nil }
	a := newAuthority(t, config)
	for _, c := range []struct {
		at time.Time
		ok bool
	}{
		{now.Add(-time.Second), false}, {now, true}, {now.Add(time.Minute), true}, {now.Add(time.Minute + time.Second), false},
		{u.cert.NotAfter.Add(time.Second), false}, {u.cert.NotBefore.Add(-time.Second), false},
	} {
		at = c.at
		_, err := a.Timestamp(context.Background(), crypto.SHA256, imprint[:])
		var rejection *Rejection
		if c.ok != (err == nil) || err != nil && (!errors.As(err, &rejection) || rejection.Failure != cms.SystemFailure) {
			t.Errorf("%v: %v", c.at.Sub(now), err)
		}
	}
	for _, der := range [][]byte{nil, {5, 0}, {0x30, 2, 0x80, 0}, {0x30, 2, 5, 0}} {
		if _, _, err := parseUsagePeriod(der); err == nil {
			t.Errorf("period %x accepted", der)
		}
	}
}

// No serial number comes twice: not from one authority used by many, nor from its restarts, nor from another node.
func TestSerialsUnique(t *testing.T) {
	t.Parallel()
	u := newUnit(t, ecKey(t, elliptic.P256()), nil)
	u.key = noKey{u.key, []byte{1}}
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				a, err := New(u.config()) // a restart
				if err != nil {
					t.Error(err)
					return
				}
				for range 50 {
					der, err := a.Timestamp(context.Background(), crypto.SHA256, imprint[:])
					if err != nil {
						t.Error(err)
						return
					}
					token, err := cms.ParseTimestampToken(der)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					serial := token.Info.Serial
					if seen[serial.String()] || serial.Cmp(new(big.Int).Lsh(big.NewInt(1), 128)) < 0 || serial.BitLen() > 160 {
						t.Errorf("serial %x", serial)
					}
					seen[serial.String()] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(seen) != 8*20*50 {
		t.Errorf("%d serials", len(seen))
	}
}
