package policies

import (
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old signatures are judged, none is made
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Suite says which algorithms are held suitable, and until when.
type Suite struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Algorithms maps a name ("sha256", "ecdsa-p256", "rsa-2048") to the time
	// until which it is suitable. For RSA the number is the least modulus: a
	// key of 2,500 bits is judged by the largest "rsa-N" with N ≤ 2500. Where
	// the padding is known ask for "rsa-pkcs1-2048" or "rsa-pss-2048"; a suite
	// that does not tell them apart answers as for "rsa-2048".
	Algorithms map[string]Until `yaml:"algorithms"`

	rsa map[string][]rsaSize // by scheme, ascending
}

// Until is the first instant at which an algorithm is no longer suitable. The
// zero time means that no end is set. In YAML: "no-end" or a date (UTC).
type Until struct{ time.Time }

type rsaSize struct {
	bits  int
	until Until
}

// UnmarshalText reads "no-end" or 2006-01-02.
func (u *Until) UnmarshalText(b []byte) error {
	if string(b) == "no-end" {
		u.Time = time.Time{}
		return nil
	}
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("%q is neither no-end nor a date", b)
	}
	u.Time = t
	return nil
}

// Check returns nil when alg is suitable at the given time, else an error that
// is ErrAlgorithmUnknown or ErrAlgorithmExpired.
func (s *Suite) Check(alg string, at time.Time) error {
	until, ok := s.until(alg)
	if !ok {
		return fmt.Errorf("%w: %s in %q", ErrAlgorithmUnknown, alg, s.Name)
	}
	if !until.IsZero() && !at.Before(until.Time) {
		return fmt.Errorf("%w: %s in %q since %s", ErrAlgorithmExpired, alg, s.Name, until.Format(time.DateOnly))
	}
	return nil
}

func (s *Suite) until(alg string) (until Until, ok bool) {
	scheme, bits, isRSA := cutRSA(alg)
	if !isRSA {
		until, ok = s.Algorithms[alg]
		return until, ok
	}
	sizes := s.rsa[scheme]
	if sizes == nil {
		sizes = s.rsa["rsa-"] // the suite does not tell paddings apart
	}
	for _, r := range sizes {
		if r.bits <= bits {
			until, ok = r.until, true
		}
	}
	return until, ok
}

// cutRSA splits "rsa-pkcs1-2048" into its scheme "rsa-pkcs1-" and its size.
func cutRSA(alg string) (scheme string, bits int, ok bool) {
	for _, scheme := range []string{"rsa-pkcs1-", "rsa-pss-", "rsa-"} {
		if size, found := strings.CutPrefix(alg, scheme); found {
			bits, err := strconv.Atoi(size)
			return scheme, bits, err == nil
		}
	}
	return "", 0, false
}

func (s *Suite) resolve() error {
	if s.Description == "" || len(s.Algorithms) == 0 {
		return errors.New("description and algorithms are wanted")
	}
	s.rsa = make(map[string][]rsaSize)
	for name, until := range s.Algorithms {
		scheme, bits, isRSA := cutRSA(name)
		switch {
		case !isRSA && !knownAlgorithms[name], isRSA && (bits < 1024 || bits > 16384):
			return fmt.Errorf("algorithm %q", name)
		case isRSA:
			s.rsa[scheme] = append(s.rsa[scheme], rsaSize{bits, until})
		}
	}
	for _, sizes := range s.rsa {
		slices.SortFunc(sizes, func(a, b rsaSize) int { return a.bits - b.bits })
	}
	return nil
}

// KeyAlgorithm names a public key as suites do: "rsa-2048", "ecdsa-p256", or
// "" for a kind that no suite knows.
func KeyAlgorithm(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return "rsa-" + strconv.Itoa(k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ecdsa-p" + strconv.Itoa(k.Curve.Params().BitSize)
	case ed25519.PublicKey:
		return "ed25519"
	case *dsa.PublicKey:
		return "dsa-" + strconv.Itoa(k.P.BitLen())
	}
	return ""
}

// HashAlgorithm names a digest as suites do: "sha256", or "" for one that no
// suite knows.
func HashAlgorithm(h crypto.Hash) string {
	switch h {
	case crypto.SHA1:
		return "sha1"
	case crypto.SHA224:
		return "sha224"
	case crypto.SHA256:
		return "sha256"
	case crypto.SHA384:
		return "sha384"
	case crypto.SHA512:
		return "sha512"
	case crypto.SHA3_256:
		return "sha3-256"
	case crypto.SHA3_384:
		return "sha3-384"
	case crypto.SHA3_512:
		return "sha3-512"
	}
	return ""
}

var knownAlgorithms = map[string]bool{
	"sha1": true, "sha224": true, "sha256": true, "sha384": true, "sha512": true,
	"sha3-256": true, "sha3-384": true, "sha3-512": true,
	"ecdsa-p256": true, "ecdsa-p384": true, "ecdsa-p521": true, "ed25519": true,
	"dsa-1024": true, "dsa-2048": true, "dsa-3072": true,
}
