package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"chop/registration/officers"
)

// pinsFile is the activation process's own configuration: whose word it takes.
func (a *appliance) pinsFile() string { return a.folder.path(processActivation, "pins.json") }

// ensurePins writes pins.json if there is none yet: with no officer and no kiosk in it. Those are an operator's act,
// which may happen at this moment, and stays.
func (a *appliance) ensurePins() error {
	if _, err := os.Stat(a.pinsFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	immigration, err := a.pinnedImmigration()
	if err != nil {
		return err
	}
	issuing, err := readCertificate(a.folder.path("public", "issuing.pem"))
	if err != nil {
		return err
	}
	pins, err := officers.NoPins(immigration, [][]byte{issuing.Raw})
	if err != nil {
		return err
	}
	own, err := a.roleFolder(processActivation)
	if err != nil {
		return err
	}
	own.Close()
	if err := writeFirst(a.pinsFile(), pins, 0o600, a.uid(processActivation)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write the pins: %w", err)
	}
	return nil
}

// writePins exports the active officers' passkeys, the kiosks' keys, the Immigration Department's keys and the issuing CA to the
// activation process's folder. It is an operator's act, never the server's: who holds the database alone cannot make
// the activation process trust another passkey.
func (a *appliance) writePins(ctx context.Context) ([]byte, error) {
	registry, err := a.officerBook(ctx)
	if err != nil {
		return nil, err
	}
	immigration, err := a.pinnedImmigration()
	if err != nil {
		return nil, err
	}
	issuing, err := readCertificate(a.folder.path("public", "issuing.pem"))
	if err != nil {
		return nil, err
	}
	kiosks, err := a.pinnedKiosks(ctx)
	if err != nil {
		return nil, err
	}
	pins, err := registry.Pins(ctx, immigration, kiosks, [][]byte{issuing.Raw})
	if err != nil {
		return nil, err
	}
	own, err := a.roleFolder(processActivation)
	if err != nil {
		return nil, err
	}
	own.Close()
	if err := writeFile(a.pinsFile(), pins, 0o600); err != nil {
		return nil, fmt.Errorf("write the pins: %w", err)
	}
	if uid := a.uid(processActivation); uid >= 0 {
		return pins, os.Lchown(a.pinsFile(), uid, uid)
	}
	return pins, nil
}
