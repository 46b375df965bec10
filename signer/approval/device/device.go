// Package device is a scripted device: a software authenticator with ES256
// passkeys and the PRF extension (WebAuthn Level 3), and the approval page's
// protocol in Go, with the page's own checks. It is for tests, for the demo, and
// for the command line; a second implementation that docs/approval-protocol.md
// can be held against.
//
// It asks nobody: whoever has its file can approve. So it is no resident's
// device, and nothing of the appliance relies upon it.
package device

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"chop/internal/solecontrol"
)

// ErrNoPasskey: the device has no passkey of this RP ID, or of this id.
var ErrNoPasskey = errors.New("the device has no such passkey")

// Settings are what a test may want otherwise.
type Settings struct {
	BackupEligible bool // its passkeys may travel with a cloud account
	BackedUp       bool // and have
	NoVerification bool // nobody is asked who they are: UV is not set
	NoCounter      bool // sign counters stay 0, as synced passkeys' do
}

// Device holds passkeys of any RP ID. It is safe for concurrent use.
type Device struct {
	Settings Settings

	mu       sync.Mutex
	file     string
	passkeys []*Passkey
	pins     map[string]solecontrol.Bytes // activation's key, by approval origin
}

// Passkey is one of the device's.
type Passkey struct {
	RPID      string            `json:"rpId"`
	ID        solecontrol.Bytes `json:"id"`
	User      solecontrol.Bytes `json:"user"` // handle
	Key       solecontrol.Bytes `json:"key"`  // PKCS #8
	PRF       solecontrol.Bytes `json:"prf"`  // CredRandom: the secret of the PRF
	Count     uint32            `json:"count"`
	DeviceKey solecontrol.Bytes `json:"deviceKey,omitempty"` // the page's own key, PKCS #8

	key, deviceKey *ecdsa.PrivateKey
}

type state struct {
	Passkeys []*Passkey                   `json:"passkeys"`
	Pins     map[string]solecontrol.Bytes `json:"pins,omitempty"`
}

// New makes a device without a file.
func New() *Device { return &Device{pins: make(map[string]solecontrol.Bytes)} }

// Open reads a device's file, of mode 0600; an absent one is an empty device.
func Open(file string) (*Device, error) {
	d := New()
	d.file = file
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read device: %w", err)
	}
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read device %s: %w", file, err)
	}
	for _, p := range s.Passkeys {
		if p.key, err = parseKey(p.Key); err != nil {
			return nil, fmt.Errorf("read device %s: %w", file, err)
		}
		if len(p.DeviceKey) > 0 {
			if p.deviceKey, err = parseKey(p.DeviceKey); err != nil {
				return nil, fmt.Errorf("read device %s: %w", file, err)
			}
		}
	}
	d.passkeys = s.Passkeys
	if s.Pins != nil {
		d.pins = s.Pins
	}
	return d, nil
}

// save writes the file anew and renames it: a kill leaves the old one or the new.
// mu is held.
func (d *Device) save() error {
	if d.file == "" {
		return nil
	}
	b, err := json.MarshalIndent(state{d.passkeys, d.pins}, "", "  ")
	if err != nil {
		return fmt.Errorf("write device: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(d.file), ".device-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write device: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write device: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// Passkeys lists the passkeys of an RP ID, the newest last.
func (d *Device) Passkeys(rpID string) []*Passkey {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*Passkey
	for _, p := range d.passkeys {
		if p.RPID == rpID {
			list = append(list, p)
		}
	}
	return list
}

// find gives a passkey; mu is held.
func (d *Device) find(rpID string, id []byte) (*Passkey, error) {
	for _, p := range d.passkeys {
		if p.RPID == rpID && string(p.ID) == string(id) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: RP ID %s", ErrNoPasskey, rpID)
}

// COSE is the passkey's public key.
func (p *Passkey) COSE() solecontrol.Bytes {
	b, err := solecontrol.MarshalCOSE(&p.key.PublicKey)
	if err != nil {
		panic(err) // it is a P-256 key: newKey and parseKey make no other
	}
	return b
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	return k, der, nil
}

func parseKey(der []byte) (*ecdsa.PrivateKey, error) {
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	ec, ok := k.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("read key: not a P-256 key")
	}
	return ec, nil
}
