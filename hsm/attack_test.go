package hsm

import (
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

// freshLocal opens a new SoftHSM token in this process. (hsmtest.SoftHSM
// cannot be used here: it imports this package.)
func freshLocal(t testing.TB) *Local {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "token")
	if err := CreateSoftHSM(t.Context(), dir, "test", "1234-user", "1234-so"); err != nil {
		t.Fatal(err)
	}
	return openFor(t, Config{Module: SoftHSMModule, Label: "test", PIN: "1234-user", SoftHSMDir: dir})
}

func openFor(t testing.TB, cfg Config) *Local {
	t.Helper()
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// inSession runs fn as a program that has the PIN would.
func inSession(t testing.TB, l *Local, fn func(s *session)) {
	t.Helper()
	if err := l.do(t.Context(), func(s *session) error { fn(s); return nil }); err != nil {
		t.Fatal(err)
	}
}

const kwp = pkcs11.CKM_AES_KEY_WRAP_PAD // SoftHSM's number for RFC 5649

// The real KEK of an open vault withstands every attack of the list.
func TestAttacksOnTheRealKEK(t *testing.T) {
	l := freshLocal(t)
	if _, err := l.Vault(t.Context(), "resident"); err != nil {
		t.Fatal(err)
	}
	inSession(t, l, func(s *session) {
		keks, err := s.findKEKs("resident")
		if err != nil || len(keks) != 1 {
			t.Fatalf("KEKs: %v, %v", keks, err)
		}
		h := keks[0].object
		for _, a := range attacks() {
			err := a.run(s, h)
			t.Logf("%-32s %v", a.name, err)
			if err == nil || !refused(err) {
				t.Errorf("attack %q: %v", a.name, err)
			}
		}
		for name, run := range map[string]func() error{
			"wrap the KEK with itself": func() error {
				_, err := s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kwp, nil)}, h, h)
				return err
			},
			"read its value": func() error {
				_, err := s.attributes(h, pkcs11.CKA_VALUE)
				return err
			},
			"destroy it": func() error { return s.DestroyObject(s.h, h) },
			"plain copy": func() error { _, err := s.CopyObject(s.h, h, nil); return err },
			"encrypt": func() error {
				return s.EncryptInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_ECB, nil)}, h)
			},
		} {
			if err := run(); err == nil {
				t.Errorf("attack %q succeeded", name)
			}
		}
		if err := s.probeUnwrap(h, kwp); err != nil {
			t.Error(err)
		}
		if _, err := s.checkKEK(h); err != nil {
			t.Error(err)
		}
	})
}

// without returns rules with one attribute changed.
func without(rules []expected, kind uint, want []byte) []expected {
	out := append([]expected(nil), rules...)
	for i := range out {
		if out[i].kind == kind {
			out[i].want = want
		}
	}
	return out
}

// An attack of the list succeeds on a KEK with the weakness that it needs, and
// is named: none of the probes is one that cannot fail.
func TestProbeNamesTheAttack(t *testing.T) {
	l := freshLocal(t)
	on := []byte{1}
	modifiable := without(kekRules(kwp), pkcs11.CKA_MODIFIABLE, on)
	copyable := without(modifiable, pkcs11.CKA_COPYABLE, on)
	weak := map[string][]expected{
		"set CKA_DECRYPT":          modifiable,
		"set CKA_DERIVE":           modifiable,
		"copy with CKA_DECRYPT":    copyable,
		"copy with CKA_MODIFIABLE": copyable,
		"decrypt":                  without(without(kekRules(kwp), pkcs11.CKA_DECRYPT, on), pkcs11.CKA_ALLOWED_MECHANISMS, mechanismList(kwp, pkcs11.CKM_AES_ECB)),
	}

	for _, a := range attacks() {
		rules, ok := weak[a.name]
		if !ok {
			continue // SoftHSM refuses these always; TestLenientTokenIsRefused has them
		}
		t.Run(a.name, func(t *testing.T) {
			err := l.inOwnSession(func(s *session) error { return s.probeAttributes([]attack{a}, rules, unwrapRules()) })
			if !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), a.name) {
				t.Fatalf("got %v, want ErrUnsafeToken naming %q", err, a.name)
			}
		})
	}
	if err := l.inOwnSession(func(s *session) error { return s.probeAttributes(attacks(), kekRules(kwp), unwrapRules()) }); err != nil {
		t.Errorf("a KEK by the rules: %v", err)
	}
}

// A KEK that was put into the token with any one weakness is refused.
func TestUnsafeKEKIsRefused(t *testing.T) {
	on, off := []byte{1}, []byte{0}
	type weakness struct {
		name   string
		rules  []expected
		unwrap []expected
		names  string
	}
	var table []weakness
	for _, r := range kekRules(kwp) {
		want := on
		if string(r.want) == string(on) {
			want = off
		}
		switch r.kind {
		case pkcs11.CKA_ALLOWED_MECHANISMS:
			table = append(table,
				weakness{"another mechanism allowed", without(kekRules(kwp), r.kind, mechanismList(kwp, pkcs11.CKM_AES_ECB)), unwrapRules(), "2 mechanisms"},
				weakness{"all mechanisms allowed", drop(kekRules(kwp), r.kind), unwrapRules(), "mechanism"})
			continue
		case pkcs11.CKA_WRAP, pkcs11.CKA_UNWRAP:
			// Without these it is useless, not unsafe; refused all the same.
		}
		table = append(table, weakness{r.name, without(kekRules(kwp), r.kind, want), unwrapRules(), r.name})
	}
	for _, r := range unwrapRules() {
		want := on
		if string(r.want) == string(on) {
			want = off
		}
		table = append(table,
			weakness{"unwraps with " + r.name + " reversed", kekRules(kwp), without(unwrapRules(), r.kind, want), r.name},
			weakness{"unwraps with any " + r.name, kekRules(kwp), drop(unwrapRules(), r.kind), r.name})
	}
	l := freshLocal(t)
	for i, w := range table {
		t.Run(w.name, func(t *testing.T) {
			name := "kek" + string(rune('a'+i))
			inSession(t, l, func(s *session) {
				if _, err := s.makeKEK(w.rules, w.unwrap, attr(pkcs11.CKA_TOKEN, true),
					attr(pkcs11.CKA_LABEL, kekLabel(name, 1)), attr(pkcs11.CKA_ID, []byte(name))); err != nil {
					t.Fatal(err)
				}
			})
			_, err := l.Vault(t.Context(), name)
			if !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), w.names) {
				t.Fatalf("got %v, want ErrUnsafeToken naming %q", err, w.names)
			}
		})
	}
}

func drop(rules []expected, kind uint) []expected {
	var out []expected
	for _, r := range rules {
		if r.kind != kind {
			out = append(out, r)
		}
	}
	return out
}

// A KEK that was imported, and so is known to somebody, is refused.
func TestImportedKEKIsRefused(t *testing.T) {
	l := freshLocal(t)
	inSession(t, l, func(s *session) {
		inner := newAttributeArray(template(unwrapRules()))
		defer inner.free()
		_, err := s.CreateObject(s.h, append(template(kekRules(kwp)),
			attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, kekLabel("known", 1)), attr(pkcs11.CKA_ID, []byte("x")),
			attr(pkcs11.CKA_UNWRAP_TEMPLATE, inner.bytes()), attr(pkcs11.CKA_VALUE, make([]byte, 32))))
		if err != nil {
			t.Fatal(err)
		}
	})
	if _, err := l.Vault(t.Context(), "known"); !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), "CKA_LOCAL") {
		t.Fatalf("got %v, want ErrUnsafeToken naming CKA_LOCAL", err)
	}
}

// The unwrap probe by itself stops a KEK whose template does not, whatever its
// attributes claim.
func TestWeakUnwrapIsFound(t *testing.T) {
	l := freshLocal(t)
	for _, r := range unwrapRules() {
		err := l.inOwnSession(func(s *session) error {
			h, err := s.makeKEK(kekRules(kwp), drop(unwrapRules(), r.kind), attr(pkcs11.CKA_TOKEN, false))
			if err != nil {
				return err
			}
			return s.probeUnwrap(h, kwp)
		})
		if !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), "unwrap with "+r.name) {
			t.Errorf("template without %s: got %v", r.name, err)
		}
	}
}

// What the rules are for: a KEK with WRAP and UNWRAP alone gives a resident's
// private key to whoever has the PIN, and a forged signature verifies.
func TestAttackOnANaiveKEK(t *testing.T) {
	l := freshLocal(t)
	inSession(t, l, func(s *session) {
		rules := without(kekRules(kwp), pkcs11.CKA_MODIFIABLE, []byte{1})
		rules = drop(rules, pkcs11.CKA_ALLOWED_MECHANISMS)
		kek, err := s.makeKEK(rules, unwrapRules(), attr(pkcs11.CKA_TOKEN, false))
		if err != nil {
			t.Fatal(err)
		}
		mech, pub, priv, _ := pairTemplates(P256)
		pubH, privH, err := s.GenerateKeyPair(s.h, []*pkcs11.Mechanism{mech},
			append(pub, attr(pkcs11.CKA_TOKEN, false)), append(priv, attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_EXTRACTABLE, true)))
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kwp, nil)}, kek, privH)
		if err != nil {
			t.Fatal(err)
		}
		public, err := s.readPublic(pubH)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetAttributeValue(s.h, kek, []*pkcs11.Attribute{attr(pkcs11.CKA_DECRYPT, true)}); err != nil {
			t.Fatal(err)
		}
		pkcs8 := unwrapByECB(t, s, kek, wrapped)
		forged := forge(t, pkcs8)
		digest := sha256.Sum256([]byte("I owe you"))
		sig, err := forged.Sign(nil, digest[:], crypto.SHA256)
		if err != nil || !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], sig) {
			t.Fatalf("the attack that the rules stop does not work any more: %v", err)
		}
	})
}

// unwrapByECB undoes RFC 5649 with nothing but C_Decrypt by AES-ECB.
func unwrapByECB(t *testing.T, s *session, kek pkcs11.ObjectHandle, wrapped []byte) []byte {
	t.Helper()
	n := len(wrapped)/8 - 1
	a := append([]byte(nil), wrapped[:8]...)
	r := append([]byte(nil), wrapped[8:]...)
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			block := binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(a)^uint64(n*j+i))
			block = append(block, r[(i-1)*8:i*8]...)
			if err := s.DecryptInit(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_ECB, nil)}, kek); err != nil {
				t.Fatal(err)
			}
			plain, err := s.Decrypt(s.h, block)
			if err != nil || len(plain) != aes.BlockSize {
				t.Fatal(err)
			}
			copy(a, plain[:8])
			copy(r[(i-1)*8:], plain[8:])
		}
	}
	if string(a[:4]) != "\xa6\x59\x59\xa6" {
		t.Fatalf("not RFC 5649: %x", a)
	}
	return r[:binary.BigEndian.Uint32(a[4:])]
}

func forge(t *testing.T, pkcs8 []byte) *ecdsa.PrivateKey {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.der")
	if err := os.WriteFile(file, pkcs8, 0o600); err != nil {
		t.Fatal(err)
	}
	// SoftHSM's PKCS #8 leaves the public key out, which crypto/x509 accepts.
	if out, err := exec.Command("openssl", "pkey", "-inform", "DER", "-in", file, "-noout").CombinedOutput(); err != nil {
		t.Fatalf("openssl does not read the stolen key: %v\n%s", err, out)
	}
	return parseECKey(t, pkcs8)
}
