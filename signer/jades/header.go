package jades

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"chop/internal/jws"
)

// A header is the protected header as it is written: RFC 7515, 4.1, and TS 119 182-1, 5.1
// and 5.2.
type header struct {
	Alg        string   `json:"alg"`
	Typ        string   `json:"typ"`
	Cty        string   `json:"cty,omitempty"`
	Thumbprint string   `json:"x5t#S256,omitempty"`
	Other      *digest  `json:"x5t#o,omitempty"`
	X5c        []string `json:"x5c"`
	Iat        int64    `json:"iat"`
	SrCms      []srCm   `json:"srCms,omitempty"`
	SigPl      *sigPl   `json:"sigPl,omitempty"`
	SrAts      *srAts   `json:"srAts,omitempty"`
	SigPID     *sigPID  `json:"sigPId,omitempty"`
	SigD       *sigD    `json:"sigD,omitempty"`
	B64        *bool    `json:"b64,omitempty"`
	Crit       []string `json:"crit,omitempty"`
}

type digest struct {
	DigAlg string `json:"digAlg"`
	DigVal string `json:"digVal"`
}

type oid struct {
	ID string `json:"id"`
}

type srCm struct {
	CommID oid `json:"commId"`
}

type sigPl struct {
	Country    string `json:"addressCountry,omitempty"`
	City       string `json:"addressLocality,omitempty"`
	State      string `json:"addressRegion,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Street     string `json:"streetAddress,omitempty"`
}

type srAts struct {
	Claimed []claimed `json:"claimed"`
}

type claimed struct {
	MediaType string   `json:"mediaType"`
	Encoding  string   `json:"encoding"`
	QVals     []string `json:"qVals"`
}

type sigPID struct {
	ID        oid     `json:"id"`
	DigAlg    string  `json:"digAlg"`
	DigVal    string  `json:"digVal"`
	SigPQuals []sPURI `json:"sigPQuals,omitempty"`
}

type sPURI struct {
	SPURI string `json:"spURI"`
}

type sigD struct {
	MID   string   `json:"mId"`
	Pars  []string `json:"pars"`
	HashM string   `json:"hashM"`
	HashV []string `json:"hashV"`
	Ctys  []string `json:"ctys"`
}

// newHeader composes the protected header, in base64url. encoded says that signatures beside
// it read a detached file in base64url, and so must this one (RFC 7797, 3). A counter-signature
// says nothing of a file (TS 119 182-1, 5.1.3, 5.3.2).
func newHeader(r *Request, encoded, counter bool) (string, error) {
	h := r.Identity.Hash()
	cert := r.Identity.Certificate()
	alg, ok := jws.AlgorithmFor(cert.PublicKey, families[r.Identity.Scheme()], h)
	if !ok {
		return "", bad("JSON web signatures with this key, %s and %v have no name", r.Identity.Scheme(), h)
	}
	out := header{Alg: alg.Name, Typ: "jose+json", Iat: r.Time.Unix()}
	if r.Serialization == Compact {
		out.Typ = "jose"
	}
	if h == crypto.SHA256 {
		out.Thumbprint = jws.Encode(sum(h, cert.Raw))
	} else {
		out.Other = &digest{jws.HashName(h), jws.Encode(sum(h, cert.Raw))}
	}
	for _, der := range r.Identity.Certificates() {
		out.X5c = append(out.X5c, base64.StdEncoding.EncodeToString(der))
	}
	if r.Commitment != "" {
		out.SrCms = []srCm{{oid{string(r.Commitment)}}}
	}
	if r.Place != (Place{}) {
		out.SigPl = &sigPl{Country: r.Place.Country, City: r.Place.City, State: r.Place.State, PostalCode: r.Place.PostalCode, Street: r.Place.Street}
	}
	if len(r.Roles) > 0 {
		out.SrAts = &srAts{[]claimed{{"text/plain", "binary", r.Roles}}}
	}
	if p := r.Policy; p != nil {
		out.SigPID = &sigPID{ID: oid{"urn:oid:" + p.OID.String()}, DigAlg: jws.HashName(p.Hash), DigVal: jws.Encode(p.Digest)}
		if p.URL != "" {
			out.SigPID.SigPQuals = []sPURI{{p.URL}}
		}
	}
	switch kind := r.contentType(); {
	case counter:
	case !r.Detached:
		out.Cty = kind
	default: // b64: false, so that the digest is of the file as it is (5.2.8.3.3)
		content := r.In
		out.B64, out.Crit = new(bool), []string{"b64", "sigD"}
		if encoded {
			content = []byte(jws.Encode(r.In))
			out.B64, out.Crit = nil, []string{"sigD"}
		}
		out.SigD = &sigD{
			MID: jws.ObjectIDByURIHash, Pars: []string{(&url.URL{Path: r.Name}).String()},
			HashM: jws.HashName(h), HashV: []string{jws.Encode(sum(h, content))}, Ctys: []string{kind},
		}
	}
	b, err := marshal(out)
	return jws.Encode(b), err
}

// contentType leaves application/ out, as RFC 7515, 4.1.10, recommends.
func (r *Request) contentType() string {
	kind := r.ContentType
	if kind == "" {
		if kind = "octet-stream"; json.Valid(r.In) {
			kind = "json"
		}
	}
	if short := strings.TrimPrefix(kind, "application/"); !strings.Contains(short, "/") {
		return short
	}
	return kind
}

// marshal writes JSON without the escapes that are for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}
