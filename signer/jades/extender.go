package jades

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"chop/internal/cms"
	"chop/internal/jws"
	"chop/signer/pades"
)

// An extender adds elements to etsiU of one signature of a document. Everything is appended:
// what is there keeps its bytes and its order, on which archive timestamps rest.
type extender struct {
	doc         []byte
	index       int // of the signature
	hash        crypto.Hash
	src         jws.Sources
	timestamper Timestamper
	evidence    EvidenceSource
	signer      *x509.Certificate
	known       *state // of doc as it is; nil: not read yet
}

// state is what the signature holds so far.
type state struct {
	signature *jws.Signature
	// proven is the earliest time of a timestamp over the signature; zero: none.
	proven time.Time
	kept   bool // it has revocation values
	// open are the timestamping units whose evidence is not there yet, with their times.
	open []unit
}

type unit struct {
	cert *x509.Certificate
	at   time.Time
}

// raise brings the signature to the level: what lacks is added, and for B-LTA always an
// archive timestamp.
func (x *extender) raise(ctx context.Context, level Level) error {
	st, err := x.state()
	if err != nil {
		return err
	}
	if level.AtLeast(pades.LevelT) && st.proven.IsZero() {
		if err := x.stamp(ctx, "sigTst", st.signature.SignatureImprint()); err != nil {
			return fmt.Errorf("timestamp signature: %w", err)
		}
		if st, err = x.state(); err != nil {
			return err
		}
	}
	if level.AtLeast(pades.LevelLT) {
		if err := x.keep(ctx, st); err != nil {
			return err
		}
	}
	if level.AtLeast(pades.LevelLTA) {
		if err := x.archive(ctx); err != nil {
			return fmt.Errorf("archive timestamp: %w", err)
		}
	}
	return nil
}

// state reads the document as it is now, once.
func (x *extender) state() (*state, error) {
	if x.known != nil {
		return x.known, nil
	}
	parsed, err := jws.Open(x.doc, jws.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	st := &state{signature: parsed.Signatures[x.index]}
	s := st.signature
	if err := firstOf(s.Err, s.Critical); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if !s.Header.JAdES || len(s.Breaches) > 0 {
		return nil, fmt.Errorf("%w: no signature of TS 119 182-1 %q", ErrDocument, s.Breaches)
	}
	for _, u := range s.Unsigned {
		switch u.Name {
		case "rVals":
			st.kept = true
		case "tstVD":
			st.open = nil
		case "sigTst", "arcTst":
			if err := st.read(u); err != nil {
				return nil, err
			}
		}
	}
	x.known = st
	return st, nil
}

func (st *state) read(u *jws.Unsigned) error {
	list, err := u.Tokens()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	for _, der := range list {
		t, err := cms.ParseTimestampToken(der)
		if err != nil {
			return fmt.Errorf("%w: %w", pades.ErrTimestamp, err)
		}
		if st.proven.IsZero() || t.Info.GenTime.Before(st.proven) {
			st.proven = t.Info.GenTime
		}
		cert, err := x509.ParseCertificate(t.Signer.FindCertificate(t.Certificates))
		if err != nil {
			return fmt.Errorf("%w: the token lacks its signer's certificate: %w", pades.ErrTimestamp, err)
		}
		st.open = append(st.open, unit{cert, t.Info.GenTime})
	}
	return nil
}

// archive adds an arcTst over all that is there (TS 119 182-1, 5.3.6). A detached file that
// is not the one that was signed would spoil it for good.
func (x *extender) archive(ctx context.Context) error {
	st, err := x.state()
	if err != nil {
		return err
	}
	if err := st.signature.CheckFiles(x.src); err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	octets, err := st.signature.ArchiveImprint(len(st.signature.Unsigned), x.src)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return x.stamp(ctx, "arcTst", octets)
}

// stamp adds a container with one timestamp over octets.
func (x *extender) stamp(ctx context.Context, name string, octets []byte) error {
	token, err := pades.Stamp(ctx, x.timestamper, x.hash, sum(x.hash, octets))
	if err != nil {
		return err
	}
	element, err := marshal(map[string]any{name: container{[]object{{base64.StdEncoding.EncodeToString(token)}}}})
	if err != nil {
		return err
	}
	return x.append(element)
}

// keep adds the evidence that lacks: the signer's in xVals and rVals, the timestamping
// units' in tstVD (5.3.5).
func (x *extender) keep(ctx context.Context, st *state) error {
	var elements [][]byte
	add := func(name string, v any) error {
		b, err := marshal(map[string]any{name: v})
		elements = append(elements, b)
		return err
	}
	if !st.kept {
		v := values{}
		if err := v.gather(ctx, x.evidence, x.signer, st.proven); err != nil {
			return err
		}
		if err := errors.Join(add("xVals", v.xVals()), add("rVals", v.rVals())); err != nil {
			return err
		}
	}
	if len(st.open) > 0 {
		v := values{}
		for _, u := range st.open {
			if err := v.gather(ctx, x.evidence, u.cert, u.at); err != nil {
				return err
			}
		}
		if err := add("tstVD", map[string]any{"xVals": v.xVals(), "rVals": v.rVals()}); err != nil {
			return err
		}
	}
	if len(elements) == 0 {
		return nil
	}
	return x.append(elements...)
}

func (x *extender) append(elements ...[]byte) error {
	st, err := x.state()
	if err != nil {
		return err
	}
	longer, err := st.signature.Append(elements...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	x.doc, x.known = longer, nil
	return nil
}
