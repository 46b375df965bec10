package officers

import (
	"context"
	"fmt"

	"chop/internal/solecontrol"
)

// Key is somebody's public key, in SubjectPublicKeyInfo.
type Key struct {
	ID  string            `json:"id"`
	Key solecontrol.Bytes `json:"key"`
}

type pinnedOfficer struct {
	ID      string            `json:"id"`
	Passkey solecontrol.Bytes `json:"passkey"`
	Key     solecontrol.Bytes `json:"key"` // COSE
	RPID    string            `json:"rpId"`
	Origin  string            `json:"origin"`
}

type pins struct {
	Officers    []pinnedOfficer     `json:"officers"`
	Kiosks      []Key               `json:"kiosks"`
	Immigration []Key               `json:"immigration"`
	Issuing     []solecontrol.Bytes `json:"issuing"` // certificates, DER
}

// Pins is the activation process's own configuration, pins.json: whose word it
// takes. Only active officers are in it. It is written by an operator's command
// into that process's folder, so that nobody who holds the database alone can
// make the activation process trust another passkey.
func (b *Book) Pins(ctx context.Context, immigration, kiosks []Key, issuing [][]byte) ([]byte, error) {
	all, err := b.Officers(ctx)
	if err != nil {
		return nil, fmt.Errorf("export pins: %w", err)
	}
	pinned := []pinnedOfficer{}
	for _, o := range all {
		if o.State == Active {
			pinned = append(pinned, pinnedOfficer{o.ID, o.PasskeyID, o.PasskeyKey, b.cfg.RPID, b.cfg.Origin})
		}
	}
	return encodePins(pinned, kiosks, immigration, issuing)
}

// NoPins is the file before an operator pinned anybody.
func NoPins(immigration []Key, issuing [][]byte) ([]byte, error) {
	return encodePins([]pinnedOfficer{}, nil, immigration, issuing)
}

func encodePins(officers []pinnedOfficer, kiosks, immigration []Key, issuing [][]byte) ([]byte, error) {
	p := pins{Officers: officers, Kiosks: append([]Key{}, kiosks...), Immigration: append([]Key{}, immigration...), Issuing: []solecontrol.Bytes{}}
	for _, der := range issuing {
		p.Issuing = append(p.Issuing, der)
	}
	out, err := solecontrol.Encode(p)
	if err != nil {
		return nil, fmt.Errorf("export pins: %w", err)
	}
	return append(out, '\n'), nil
}
