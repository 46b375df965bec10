package hsmtest

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"chop/hsm"
)

func openVault(t *testing.T, token hsm.Token, kek string) hsm.Vault {
	t.Helper()
	v, err := token.Vault(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wrappedKey(t *testing.T, v hsm.Vault, spec hsm.KeySpec) (crypto.PublicKey, []byte) {
	t.Helper()
	pub, wrapped, err := v.Generate(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if len(wrapped) > hsm.MaxWrapped {
		t.Errorf("wrapped %s key has %d bytes", spec, len(wrapped))
	}
	return pub, wrapped
}

func vault(t *testing.T, token hsm.Token) {
	v := openVault(t, token, "kek")
	for _, spec := range []hsm.KeySpec{hsm.P256, hsm.P384, hsm.RSA2048, hsm.RSA3072} {
		t.Run(spec, func(t *testing.T) {
			pub, wrapped := wrappedKey(t, v, spec)
			var kept crypto.Signer
			err := v.Use(t.Context(), wrapped, func(k crypto.Signer) error {
				kept = k
				if !k.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(pub) {
					t.Error("another public key than at generation")
				}
				checkAll(t, k) // many signatures in one use
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256(nil)
			if _, err := kept.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, hsm.ErrKeyGone) {
				t.Errorf("signer after Use: got %v, want ErrKeyGone", err)
			}
		})
	}
	_, wrapped := wrappedKey(t, v, hsm.P256)
	mine := errors.New("mine")
	if err := v.Use(t.Context(), wrapped, func(crypto.Signer) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("error of fn: got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = v.Use(t.Context(), wrapped, func(k crypto.Signer) error { check(t, k, crypto.SHA256); panic("mine") })
		t.Error("the panic of fn was swallowed")
	}()
	// The same KEK again: what was wrapped before stays usable.
	use(t, openVault(t, token, "kek"), wrapped)
	// Another KEK's vault refuses it.
	other := openVault(t, token, "other")
	if err := try(t.Context(), other, wrapped); !errors.Is(err, hsm.ErrWrappedKey) {
		t.Errorf("key of another vault: got %v, want ErrWrappedKey", err)
	}
	if _, _, err := v.Generate(t.Context(), "dsa"); !errors.Is(err, hsm.ErrKeySpec) {
		t.Errorf("unknown specification: got %v, want ErrKeySpec", err)
	}
	list, err := token.Keys(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("wrapped keys were left in the token: %+v, %v", list, err)
	}
}

func try(ctx context.Context, v hsm.Vault, wrapped []byte) error {
	return v.Use(ctx, wrapped, func(k crypto.Signer) error { return signAndVerify(k, crypto.SHA256) })
}

func use(t *testing.T, v hsm.Vault, wrapped []byte) {
	t.Helper()
	if err := try(t.Context(), v, wrapped); err != nil {
		t.Error(err)
	}
}

// damagedKeys flips every byte of a wrapped key: none makes a signature under
// the public key that the blob names, and none harms the vault.
func damagedKeys(t *testing.T, token hsm.Token) {
	v := openVault(t, token, "kek")
	for _, spec := range []hsm.KeySpec{hsm.P256, hsm.RSA2048} {
		_, wrapped := wrappedKey(t, v, spec)
		step := 1
		if spec == hsm.RSA2048 {
			step = 37
		}
		for i := 0; i < len(wrapped); i += step {
			bad := append([]byte(nil), wrapped...)
			bad[i] ^= 0x40
			if try(t.Context(), v, bad) == nil {
				t.Errorf("%s: byte %d was changed and a signature verified", spec, i)
			}
		}
		for _, n := range []int{0, 1, 4, len(wrapped) / 2, len(wrapped) - 1} {
			if err := try(t.Context(), v, wrapped[:n]); !errors.Is(err, hsm.ErrWrappedKey) {
				t.Errorf("%s: cut to %d bytes: got %v, want ErrWrappedKey", spec, n, err)
			}
		}
		last := append([]byte(nil), wrapped...)
		last[len(last)-1] ^= 1
		if err := try(t.Context(), v, last); !errors.Is(err, hsm.ErrWrappedKey) {
			t.Errorf("%s: damaged ciphertext: got %v, want ErrWrappedKey", spec, err)
		}
		use(t, v, wrapped)
	}
}

// manyAtOnce has more callers than a token has sessions.
func manyAtOnce(t *testing.T, token hsm.Token) {
	k := generate(t, token, "k", hsm.P256)
	v := openVault(t, token, "kek")
	_, wrapped := wrappedKey(t, v, hsm.P256)
	g, ctx := errgroup.WithContext(t.Context())
	for range 32 {
		g.Go(func() error {
			for range 10 {
				if err := signAndVerify(k, crypto.SHA256); err != nil {
					return err
				}
				if err := try(ctx, v, wrapped); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := try(cancelled, v, wrapped); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
	use(t, v, wrapped)
}
