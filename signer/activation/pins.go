package activation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"chop/internal/solecontrol"
)

// Pins are the keys that this process believes: officers' passkeys, kiosks'
// keys, the Immigration Department's, and the CAs that issue to residents. They
// stand in its own configuration, where no other process writes.
type Pins struct {
	Officers    []OfficerPin        `json:"officers"`
	Kiosks      []KeyPin            `json:"kiosks"`
	Immigration []KeyPin            `json:"immigration"`
	Issuing     []solecontrol.Bytes `json:"issuing"` // certificates, DER

	issuing []*x509.Certificate
}

// OfficerPin is an officer's passkey, of the desk's origin.
type OfficerPin struct {
	ID      string            `json:"id"`
	Passkey solecontrol.Bytes `json:"passkey"` // id
	Key     solecontrol.Bytes `json:"key"`     // COSE
	RPID    string            `json:"rpId"`
	Origin  string            `json:"origin"`

	key *ecdsa.PublicKey
}

// KeyPin is a key by its name.
type KeyPin struct {
	ID  string            `json:"id"`
	Key solecontrol.Bytes `json:"key"` // SubjectPublicKeyInfo

	key *ecdsa.PublicKey
}

const maxPins = 1 << 20

// ParsePins reads and checks pins.json.
func ParsePins(data []byte) (*Pins, error) {
	var p Pins
	if err := solecontrol.Decode(data, &p); err != nil {
		return nil, fmt.Errorf("pins: %w", err)
	}
	seen := make(map[string]bool)
	once := func(kind, id string) error {
		if id == "" || seen[kind+id] {
			return fmt.Errorf("pins: %s %q is there twice, or has no name", kind, id)
		}
		seen[kind+id] = true
		return nil
	}
	for i := range p.Officers {
		o := &p.Officers[i]
		var err error
		if o.key, err = solecontrol.ParseCOSE(o.Key); err != nil {
			return nil, fmt.Errorf("pins: officer %q: %w", o.ID, err)
		}
		// One passkey under two names would be two officers.
		for _, unique := range []string{"officer:" + o.ID, "passkey:" + o.Passkey.String(), "key:" + o.Key.String()} {
			if err := once("officer ", unique); err != nil {
				return nil, err
			}
		}
		if o.ID == "" || len(o.Passkey) == 0 || o.RPID == "" || o.Origin == "" {
			return nil, fmt.Errorf("pins: officer %q lacks passkey, RP ID or origin", o.ID)
		}
	}
	for _, list := range []struct {
		kind string
		keys []KeyPin
	}{{"kiosk ", p.Kiosks}, {"immigration key ", p.Immigration}} {
		for i := range list.keys {
			k := &list.keys[i]
			var err error
			if k.key, err = solecontrol.ParseSPKI(k.Key); err != nil {
				return nil, fmt.Errorf("pins: %s%q: %w", list.kind, k.ID, err)
			}
			if err := once(list.kind, k.ID); err != nil {
				return nil, err
			}
		}
	}
	for _, der := range p.Issuing {
		c, err := x509.ParseCertificate(der)
		if err != nil || !c.IsCA {
			return nil, fmt.Errorf("pins: an issuing certificate is none of a CA: %v", err)
		}
		p.issuing = append(p.issuing, c)
	}
	return &p, nil
}

func (p *Pins) officer(id string) (*OfficerPin, error) {
	for i := range p.Officers {
		if p.Officers[i].ID == id {
			return &p.Officers[i], nil
		}
	}
	return nil, fmt.Errorf("%w: officer %q is not pinned", ErrRefused, id)
}

func find(keys []KeyPin, what, id string) (*ecdsa.PublicKey, error) {
	for i := range keys {
		if keys[i].ID == id {
			return keys[i].key, nil
		}
	}
	return nil, fmt.Errorf("%w: %s %q is not pinned", ErrRefused, what, id)
}

// PinsFile reads a file now and again when it was changed. A file that cannot be
// read, or is wrong, is an error at each use: nobody is believed meanwhile.
func PinsFile(path string) func() (*Pins, error) {
	var mu sync.Mutex
	var pins *Pins
	var size int64
	var changed time.Time
	return func() (*Pins, error) {
		mu.Lock()
		defer mu.Unlock()
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read pins: %w", err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("read pins: %w", err)
		}
		if pins != nil && info.Size() == size && info.ModTime().Equal(changed) {
			return pins, nil
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, io.LimitReader(f, maxPins+1)); err != nil || b.Len() > maxPins {
			return nil, fmt.Errorf("read pins: %d bytes, %w", b.Len(), err)
		}
		read, err := ParsePins(b.Bytes())
		if err != nil {
			return nil, err
		}
		pins, size, changed = read, info.Size(), info.ModTime()
		return pins, nil
	}
}
