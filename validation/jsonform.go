package validation

import (
	"crypto"
	"errors"
	"fmt"

	"chop/internal/cms"
	"chop/internal/jws"
	"chop/policies"
)

// What the process asks of a JSON web signature.

// verify is cryptographic verification (5.2.7): the value first, then each file of sigD;
// what failed outdoes what could not be decided.
func (s *jsonSignature) verify(_ *run, raw []byte) conclusion {
	key, err := cms.PublicKey(raw)
	if err != nil {
		return undecided(CryptoConstraintsFailure, "key of the signing certificate: %v", err)
	}
	got := jsonConclusion(s.signature.VerifyValue(key, s.src))
	s.held = got.passed()
	if c := jsonConclusion(s.signature.CheckFiles(s.src)); got.passed() || got.ind == Indeterminate && c.ind == TotalFailed {
		got = c
	}
	return got
}

// jsonConclusion turns an error of package jws into a conclusion.
func jsonConclusion(err error) conclusion {
	switch {
	case err == nil:
		return pass()
	case errors.Is(err, jws.ErrDigest):
		return fail(HashFailure, "%v", err)
	case errors.Is(err, jws.ErrSignature), errors.Is(err, jws.ErrKey):
		return fail(SigCryptoFailure, "%v", err)
	case errors.Is(err, jws.ErrNotFound):
		return undecided(SignedDataNotFound, "%v", err)
	case errors.Is(err, jws.ErrUndecided), errors.Is(err, jws.ErrLimit):
		return undecided(CryptoConstraintsFailure, "%v", err)
	}
	return fail(FormatFailure, "%v", err)
}

func (s *jsonSignature) binds() bool {
	return s.signature.Err == nil && len(s.signature.Header.Names) > 0
}

func (s *jsonSignature) stated() statement {
	h := s.signature.Header
	said := statement{commitments: h.Commitments, roles: h.Roles}
	if h.Policy != nil {
		said.policy = &declared{id: h.Policy.ID, hash: h.Policy.Hash, digest: h.Policy.Digest, derived: h.Policy.Derived}
	}
	return said
}

// complete is what TS 119 182-1, 6.3, demands of every level.
func (s *jsonSignature) complete() conclusion {
	if s.format != FormatJAdES {
		return pass()
	}
	if !s.binds() {
		return undecided(SigConstraintsFailure, "none of x5t#S256, x5t#o and sigX5ts, one of which TS 119 182-1 demands")
	}
	if s.claimed == nil {
		return undecided(SigConstraintsFailure, "no claimed time of signing, which TS 119 182-1 demands")
	}
	return pass()
}

func (s *jsonSignature) algorithms(key crypto.PublicKey) [][]string {
	a := s.signature.Header.Algorithm
	list := [][]string{suiteNames(key, a.Family == jws.RSAPSS, a.Hash)}
	if f := s.signature.Header.Files; f != nil && f.Hash != 0 && f.Hash != a.Hash {
		list = append(list, []string{policies.HashAlgorithm(f.Hash)})
	}
	return list
}

func (s *jsonSignature) stamps() []stamped {
	var list []stamped
	for i, u := range s.signature.Unsigned {
		if u.Name != "sigTst" {
			continue
		}
		tokens, err := u.Tokens()
		if err != nil {
			continue // read has said so
		}
		for _, one := range stampedBy(tokens, func(info *cms.TSTInfo) error {
			return s.over(info, func() ([]byte, error) { return s.signature.SignatureImprint(), nil })
		}) {
			one.after = i + 1
			list = append(list, one)
		}
	}
	return list
}

func (s *jsonSignature) contentStamps() []stamped {
	return stampedBy(s.signature.Header.Content, func(info *cms.TSTInfo) error {
		return s.over(info, func() ([]byte, error) { return s.signature.ContentImprint(s.src) })
	})
}

// signed tells what is signed: what was digested, if the value holds, and each file whose
// digest does.
func (s *jsonSignature) signed() []string {
	if !s.held {
		return nil
	}
	h := s.signature.Header
	if s.on != "" {
		return []string{"the value of " + s.on}
	}
	if h.Files == nil {
		kind := ""
		if h.ContentType != "" {
			kind = fmt.Sprintf(", %.100s", h.ContentType)
		}
		if s.doc.Payload == "" {
			return []string{"the file that was given" + kind}
		}
		return []string{fmt.Sprintf("the payload, %d bytes%s", len(s.signature.Content()), kind)}
	}
	var list []string
	for i, name := range h.Files.Names {
		if s.signature.CheckFile(i, s.src) == nil && len(list) < maxUnsigned {
			list = append(list, fmt.Sprintf("file %.200s", name))
		}
	}
	return list
}
