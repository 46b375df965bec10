// Package hsmtest is the conformance test that every hsm.Token passes, and
// a SoftHSM token to run it on.
package hsmtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"testing"

	"chop/hsm"
)

// Run checks the Token that open returns. open is called once for each part,
// must give a token without keys, and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) hsm.Token) {
	t.Run("keys", func(t *testing.T) { keys(t, open(t)) })
	t.Run("signatures", func(t *testing.T) { signatures(t, open(t)) })
	t.Run("vault", func(t *testing.T) { vault(t, open(t)) })
	t.Run("damaged wrapped keys", func(t *testing.T) { damagedKeys(t, open(t)) })
	t.Run("sealer", func(t *testing.T) { sealer(t, open(t)) })
	t.Run("mac", func(t *testing.T) { mac(t, open(t)) })
	t.Run("many at once", func(t *testing.T) { manyAtOnce(t, open(t)) })
	t.Run("closed", func(t *testing.T) { closed(t, open(t)) })
}

func keys(t *testing.T, token hsm.Token) {
	ctx := t.Context()
	if _, err := token.Key(ctx, "issuing"); !errors.Is(err, hsm.ErrKeyNotFound) {
		t.Errorf("absent key: got %v, want ErrKeyNotFound", err)
	}
	k := generate(t, token, "issuing", hsm.P256)
	if _, err := token.GenerateKey(ctx, "issuing", hsm.P384); !errors.Is(err, hsm.ErrKeyExists) {
		t.Errorf("second key of the label: got %v, want ErrKeyExists", err)
	}
	if _, err := token.GenerateKey(ctx, "odd", "p521"); !errors.Is(err, hsm.ErrKeySpec) {
		t.Errorf("unknown specification: got %v, want ErrKeySpec", err)
	}
	if _, err := token.GenerateKey(ctx, "", hsm.P256); err == nil {
		t.Error("a key without a label was made")
	}
	generate(t, token, "another", hsm.RSA2048)

	again, err := token.Key(ctx, "issuing")
	if err != nil {
		t.Fatal(err)
	}
	if !again.Public().(*ecdsa.PublicKey).Equal(k.Public()) {
		t.Error("the key found has another public key than the one made")
	}
	check(t, again, crypto.SHA256)

	list, err := token.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Label != "another" || list[0].Spec != hsm.RSA2048 ||
		list[1].Label != "issuing" || list[1].Spec != hsm.P256 || len(list[1].ID) == 0 {
		t.Errorf("list: got %+v", list)
	}

	if err := token.DestroyKey(ctx, "issuing"); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	if _, err := k.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, hsm.ErrKeyNotFound) {
		t.Errorf("signing with a destroyed key: got %v, want ErrKeyNotFound", err)
	}
	if err := token.DestroyKey(ctx, "issuing"); !errors.Is(err, hsm.ErrKeyNotFound) {
		t.Errorf("destroying it again: got %v, want ErrKeyNotFound", err)
	}
	// The label is free again, and an old signer does not take the new key.
	generate(t, token, "issuing", hsm.P256)
	if _, err := k.Sign(nil, digest[:], crypto.SHA256); err == nil {
		t.Error("a signer of a destroyed key signs with its successor")
	}
}

func signatures(t *testing.T, token hsm.Token) {
	for _, spec := range []hsm.KeySpec{hsm.P256, hsm.P384, hsm.RSA2048, hsm.RSA3072, hsm.RSA4096} {
		t.Run(spec, func(t *testing.T) {
			k := generate(t, token, spec, spec)
			checkAll(t, k)
			digest := sha256.Sum256([]byte("x"))
			for name, bad := range map[string]struct {
				digest []byte
				opts   crypto.SignerOpts
			}{
				"no options":           {digest[:], nil},
				"no hash":              {digest[:], crypto.Hash(0)},
				"SHA-1":                {digest[:20], crypto.SHA1},
				"short digest":         {digest[:31], crypto.SHA256},
				"digest of other hash": {digest[:], crypto.SHA512},
				"PSS with absurd salt": {digest[:], &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: 5000}},
				"PSS with odd salt":    {digest[:], &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: -7}},
			} {
				if _, err := k.Sign(nil, bad.digest, bad.opts); !errors.Is(err, hsm.ErrSignerOpts) {
					t.Errorf("%s: got %v, want ErrSignerOpts", name, err)
				}
			}
		})
	}
}

func closed(t *testing.T, token hsm.Token) {
	k := generate(t, token, "k", hsm.P256)
	v, err := token.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), hsm.P256)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
	if err := token.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	digest := sha256.Sum256(nil)
	if _, err := k.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, hsm.ErrClosed) {
		t.Errorf("signing: got %v, want ErrClosed", err)
	}
	if _, err := token.Key(t.Context(), "k"); !errors.Is(err, hsm.ErrClosed) {
		t.Errorf("finding: got %v, want ErrClosed", err)
	}
	err = v.Use(t.Context(), wrapped, func(k crypto.Signer) error {
		_, err := k.Sign(nil, digest[:], crypto.SHA256)
		return err
	})
	if !errors.Is(err, hsm.ErrClosed) {
		t.Errorf("using a wrapped key: got %v, want ErrClosed", err)
	}
}

func generate(t *testing.T, token hsm.Token, label string, spec hsm.KeySpec) crypto.Signer {
	t.Helper()
	k, err := token.GenerateKey(context.Background(), label, spec)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
