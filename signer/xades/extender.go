package xades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"chop/internal/cms"
	"chop/internal/xmldsig"
	"chop/signer/pades"
)

// An extender adds unsigned properties to one signature of a document. Everything is
// appended: what is there keeps its bytes and its order, on which archive timestamps rest.
type extender struct {
	doc         []byte
	id          string
	c14n        string
	hash        crypto.Hash
	sources     xmldsig.Sources
	timestamper Timestamper
	evidence    EvidenceSource
	signer      *x509.Certificate
	known       *state // of doc as it is; nil: not read yet
}

// state is what the signature holds so far.
type state struct {
	parsed    *xmldsig.Document
	signature *xmldsig.Signature
	props     *xmldsig.Properties
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
	st, err := x.state(ctx)
	if err != nil {
		return err
	}
	if level.AtLeast(pades.LevelT) && st.proven.IsZero() {
		if err := x.stampSignature(ctx, st); err != nil {
			return fmt.Errorf("timestamp signature: %w", err)
		}
		if st, err = x.state(ctx); err != nil {
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
func (x *extender) state(ctx context.Context) (*state, error) {
	if x.known != nil {
		return x.known, nil
	}
	parsed, err := xmldsig.Open(ctx, x.doc, xmldsig.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	e, err := parsed.ByID(x.id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	st := &state{parsed: parsed}
	if st.signature, err = parsed.ReadSignature(e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if st.props, err = st.signature.ReadProperties(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if st.props == nil || st.props.NS != xmldsig.XAdES {
		return nil, fmt.Errorf("%w: the signature has no qualifying properties of EN 319 132-1", ErrDocument)
	}
	for _, e := range st.props.Unsigned {
		switch e.LocalName() {
		case "RevocationValues":
			st.kept = true
		case "TimeStampValidationData":
			st.open = nil
		case "SignatureTimeStamp", "ArchiveTimeStamp":
			if err := st.read(e); err != nil {
				return nil, err
			}
		}
	}
	x.known = st
	return st, nil
}

func (st *state) read(e *xmldsig.Element) error {
	stamp, err := xmldsig.ReadStamp(e)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	for _, der := range stamp.Tokens {
		t, err := cms.ParseTimestampToken(der)
		if err != nil {
			return fmt.Errorf("%w: %w", pades.ErrTimestamp, err)
		}
		if st.proven.IsZero() || t.Info.GenTime.Before(st.proven) {
			st.proven = t.Info.GenTime
		}
		raw := t.Signer.FindCertificate(t.Certificates)
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return fmt.Errorf("%w: the token lacks its signer's certificate: %w", pades.ErrTimestamp, err)
		}
		st.open = append(st.open, unit{cert, t.Info.GenTime})
	}
	return nil
}

// stampSignature adds a SignatureTimeStamp (EN 319 132-1, 5.3).
func (x *extender) stampSignature(ctx context.Context, st *state) error {
	return x.stamp(ctx, "xades:SignatureTimeStamp", func(b *bytes.Buffer) error {
		return st.signature.SignatureImprint(b, parseC14N(x.c14n))
	})
}

// archive adds an ArchiveTimeStamp over all that is there (5.5.2).
func (x *extender) archive(ctx context.Context) error {
	st, err := x.state(ctx)
	if err != nil {
		return err
	}
	return x.stamp(ctx, "xades141:ArchiveTimeStamp", func(b *bytes.Buffer) error {
		return st.signature.ArchiveImprint(b, st.props, nil, parseC14N(x.c14n), x.sources)
	})
}

func (x *extender) stamp(ctx context.Context, name string, octets func(*bytes.Buffer) error) error {
	digest, err := imprint(x.hash, octets)
	if err != nil {
		return err
	}
	token, err := pades.Stamp(ctx, x.timestamper, x.hash, digest)
	if err != nil {
		return err
	}
	return x.append(ctx, "<"+name+spaces+`><ds:CanonicalizationMethod Algorithm="`+x.c14n+`"/><xades:EncapsulatedTimeStamp>`+
		base64.StdEncoding.EncodeToString(token)+"</xades:EncapsulatedTimeStamp></"+name+">")
}

// spaces are declared on each property, so that it reads the same in any document.
const spaces = ` xmlns:ds="` + xmldsig.NS + `" xmlns:xades="` + xmldsig.XAdES + `" xmlns:xades141="` + xmldsig.XAdES141 + `"`

// keep adds the evidence that lacks: the signer's in CertificateValues and
// RevocationValues, the timestamping units' in TimeStampValidationData (5.4, 5.5.1).
func (x *extender) keep(ctx context.Context, st *state) error {
	var b strings.Builder
	if !st.kept {
		v := values{}
		if err := v.gather(ctx, x.evidence, x.signer, st.proven); err != nil {
			return err
		}
		b.WriteString(v.elements(spaces))
	}
	if len(st.open) > 0 {
		v := values{}
		for _, u := range st.open {
			if err := v.gather(ctx, x.evidence, u.cert, u.at); err != nil {
				return err
			}
		}
		b.WriteString("<xades141:TimeStampValidationData" + spaces + ">" + v.elements("") + "</xades141:TimeStampValidationData>")
	}
	if b.Len() == 0 {
		return nil
	}
	return x.append(ctx, b.String())
}

// append puts properties behind those that are there.
func (x *extender) append(ctx context.Context, properties string) error {
	before, after, err := x.around(ctx)
	if err != nil {
		return err
	}
	x.known = nil
	x.doc = []byte(string(before) + properties + string(after))
	return nil
}

// around returns the document before and after the place of the next unsigned property.
func (x *extender) around(ctx context.Context) (before, after []byte, err error) {
	st, err := x.state(ctx)
	if err != nil {
		return nil, nil, err
	}
	in, open, closing := st.props.Element, "", ""
	for _, name := range []string{"UnsignedProperties", "UnsignedSignatureProperties"} {
		child, err := xmldsig.Child(in, xmldsig.XAdES, name)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrDocument, err)
		}
		if open == "" && child != nil {
			in = child
			continue
		}
		xmlns := ""
		if open == "" {
			xmlns = ` xmlns:xades="` + xmldsig.XAdES + `"`
		}
		open, closing = open+"<xades:"+name+xmlns+">", "</xades:"+name+">"+closing
	}
	located, err := st.parsed.Locate(x.doc, in)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	span := located[0]
	if span.Empty() {
		return nil, nil, fmt.Errorf("%w: %s is an empty-element tag", ErrDocument, in.Name())
	}
	at := span.Close
	if in.LocalName() == "UnsignedProperties" {
		at = span.Inner // UnsignedSignatureProperties come first
	}
	return []byte(string(x.doc[:at]) + open), []byte(closing + string(x.doc[at:])), nil
}
