package pades

import (
	"bytes"
	"crypto"
	"fmt"

	"chop/internal/pdf"
)

// Flags of a seed value dictionary, ISO 32000-2, table 237: which entries are demands
// and not wishes.
const (
	seedFilter = 1 << iota
	seedSubFilter
	seedV
	seedReasons
	seedLegal
	seedAddRevInfo
	seedDigest
	seedLock
	seedAppearance
	seedKnown = 1<<iota - 1
)

const (
	filter        = pdf.Name("Adobe.PPKLite")
	subFilter     = pdf.Name("ETSI.CAdES.detached")
	subFilterTime = pdf.Name("ETSI.RFC3161")
	// seedVersion is the newest version of seed values that is understood: PDF 2.0's.
	seedVersion = 3
)

// meetSeed compares a request with the demands of the field's author. Wishes (entries
// whose flag is not set) are not read, except MDP and TimeStamp, which need no flag of
// the dictionary. It may set what the author prescribes: the certification.
func meetSeed(v *pdf.View, seed pdf.Dict, req *Request) error {
	if seed == nil {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrSeedValue, fmt.Sprintf(format, args...))
	}
	flags, err := v.Int(seed["Ff"])
	if err != nil {
		return fmt.Errorf("read seed values: %w", err)
	}
	if flags&^seedKnown != 0 {
		return refuse("a demand of an unknown kind (flags %#x)", flags)
	}
	has := func(flag int64, key pdf.Name) bool { return flags&flag != 0 && seed[key] != nil }

	if has(seedFilter, "Filter") {
		if f, err := v.Name(seed["Filter"]); err != nil || f != filter {
			return refuse("signature handler %q", f)
		}
	}
	if has(seedSubFilter, "SubFilter") {
		ok, err := anyOf(v, seed["SubFilter"], func(o pdf.Object) bool { return o == subFilter })
		if err != nil || !ok {
			return refuse("another signature format than %s", subFilter)
		}
	}
	if has(seedV, "V") {
		if n, err := v.Number(seed["V"]); err != nil || n > seedVersion {
			return refuse("version %v of seed values", seed["V"])
		}
	}
	if has(seedDigest, "DigestMethod") {
		want := digestName(req.Identity.hash)
		ok, err := anyOf(v, seed["DigestMethod"], func(o pdf.Object) bool {
			s, ok := o.(pdf.String)
			return ok && string(s) == want
		})
		if err != nil || !ok {
			return refuse("another digest method than %s", want)
		}
	}
	if has(seedReasons, "Reasons") {
		if err := meetReasons(v, seed["Reasons"], req.Reason); err != nil {
			return err
		}
	}
	if add, err := v.Bool(seed["AddRevInfo"]); err != nil || flags&seedAddRevInfo != 0 && add && !req.Level.AtLeast(LevelLT) {
		return refuse("revocation information: sign at level B-LT or above")
	}
	if has(seedLock, "LockDocument") {
		return refuse("that the document be locked as a whole")
	}
	if has(seedAppearance, "AppearanceFilter") {
		return refuse("an appearance of its own choice")
	}
	return meetStructure(v, seed, req, flags)
}

// meetStructure looks at the entries that are dictionaries themselves.
func meetStructure(v *pdf.View, seed pdf.Dict, req *Request, flags int64) error {
	mdp, err := v.Dict(seed["MDP"])
	if err != nil {
		return fmt.Errorf("read seed values: %w", err)
	}
	if mdp != nil {
		p, err := v.Int(mdp["P"])
		if err != nil || p < 0 || p > 3 {
			return fmt.Errorf("%w: the unknown permission %v", ErrSeedValue, mdp["P"])
		}
		if req.Certify != NotCertified && req.Certify != Permission(p) {
			return fmt.Errorf("%w: certification permission %d is prescribed, %d was asked for", ErrSeedValue, p, req.Certify)
		}
		req.Certify = Permission(p)
	}
	if flags&seedLegal != 0 && req.Certify != NotCertified {
		return fmt.Errorf("%w: a legal attestation", ErrSeedValue)
	}
	stamp, err := v.Dict(seed["TimeStamp"])
	if err != nil {
		return fmt.Errorf("read seed values: %w", err)
	}
	if ff, err := v.Int(stamp["Ff"]); err != nil || ff&1 != 0 && !req.Level.AtLeast(LevelT) {
		return fmt.Errorf("%w: a timestamp: sign at level B-T or above", ErrSeedValue)
	}
	cert, err := v.Dict(seed["Cert"])
	if err != nil {
		return fmt.Errorf("read seed values: %w", err)
	}
	return meetCertificate(v, cert, req.Identity)
}

// Flags of a certificate seed value dictionary, ISO 32000-2, table 238. What cannot be
// compared here (OID, SubjectDN, KeyUsage) is refused when demanded.
const (
	certSubject = 1 << 0
	certIssuer  = 1 << 1
	certURL     = 1 << 6
)

func meetCertificate(v *pdf.View, d pdf.Dict, id *Identity) error {
	flags, err := v.Int(d["Ff"])
	if err != nil {
		return fmt.Errorf("read seed values: %w", err)
	}
	if flags&^(certSubject|certIssuer|certURL) != 0 {
		return fmt.Errorf("%w: a property of the certificate that is not supported (flags %#x)", ErrSeedValue, flags)
	}
	if flags&certSubject != 0 {
		ok, err := anyOf(v, d["Subject"], func(o pdf.Object) bool { return isCertificate(o, id.certs[:1]) })
		if err != nil || !ok {
			return fmt.Errorf("%w: another signer's certificate", ErrSeedValue)
		}
	}
	if flags&certIssuer != 0 {
		ok, err := anyOf(v, d["Issuer"], func(o pdf.Object) bool { return isCertificate(o, id.certs[1:]) })
		if err != nil || !ok {
			return fmt.Errorf("%w: another issuer", ErrSeedValue)
		}
	}
	return nil
}

func isCertificate(o pdf.Object, certs [][]byte) bool {
	s, ok := o.(pdf.String)
	for _, c := range certs {
		if ok && bytes.Equal(s, c) {
			return true
		}
	}
	return false
}

// meetReasons: one of the list; an empty list, or the single reason ".", prescribes
// that there is none.
func meetReasons(v *pdf.View, o pdf.Object, reason string) error {
	list, err := v.Array(o)
	if err != nil {
		return fmt.Errorf("read seed values: %w", err)
	}
	reasons := make([]string, len(list))
	for i := range list {
		if reasons[i], err = v.Text(list[i]); err != nil {
			return fmt.Errorf("read seed values: %w", err)
		}
	}
	if len(reasons) == 0 || len(reasons) == 1 && reasons[0] == "." {
		if reason != "" {
			return fmt.Errorf("%w: no reason may be given", ErrSeedValue)
		}
		return nil
	}
	for _, r := range reasons {
		if r == reason {
			return nil
		}
	}
	return fmt.Errorf("%w: the reason must be one of %q", ErrSeedValue, reasons)
}

func anyOf(v *pdf.View, o pdf.Object, is func(pdf.Object) bool) (bool, error) {
	list, err := v.Array(o)
	if err != nil {
		return false, err
	}
	for _, e := range list {
		if e, err = v.Resolve(e); err != nil {
			return false, err
		}
		if is(e) {
			return true, nil
		}
	}
	return false, nil
}

func digestName(h crypto.Hash) string {
	switch h {
	case crypto.SHA384:
		return "SHA384"
	case crypto.SHA512:
		return "SHA512"
	}
	return "SHA256"
}
