package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"chop/hsm"
	"chop/internal/postgres"
	"chop/signer/activation"
)

// The names in the activation token, beside the key-encryption key.
const (
	identityLabel = "identity" // signs offers and statements
	recordsLabel  = "records"  // authenticates the records of credentials
)

// activationHand is all that the activation process is handed. Nobody else has the PIN while it runs, nor the
// database role's password.
type activationHand struct {
	Token         tokenHand
	DSN           string
	ApplianceRole string // of the database: takes events, and nothing else
	RPID, RPName  string
	ApproveOrigin string
	PortalOrigin  string
	Policy        activation.Policy
	APIUsers      []int // who may mint, collect, suspend
	ApprovalUser  int   // who carries approvals
}

// tokenHand is what of hsm.Config can be handed over.
type tokenHand struct{ Module, Label, PIN, SoftHSMDir string }

// The activation process's descriptors.
const (
	fileAPI = iota
	fileApproval
	fileFolder // pins.json, versions
)

// activationProcess is the body of `chop activation-process`.
func activationProcess() error {
	var hand activationHand
	in, err := inheritRole(&hand)
	if err != nil {
		return err
	}
	ctx, cancel := in.Context(context.Background())
	defer cancel()
	log := roleLog(processActivation)
	if err := activation.Harden(log); err != nil {
		return err
	}
	// The folder is reached by its descriptor: this user could not walk to it. The descriptor is open for as long as
	// this file is held.
	home := in.File(fileFolder)
	defer home.Close()
	folder := fmt.Sprintf("/proc/self/fd/%d", home.Fd())
	db, err := postgres.Open(ctx, postgres.Config{DSN: hand.DSN})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := activation.Migrate(ctx, db, hand.ApplianceRole); err != nil {
		return err
	}
	worker, err := hsm.StartWorker(ctx, hsm.WorkerConfig{
		Role: processActivation, Argv: []string{"/proc/self/exe", "hsm-worker"}, Log: log,
		Token: hsm.Config{Module: hand.Token.Module, Label: hand.Token.Label, PIN: hand.Token.PIN, SoftHSMDir: hand.Token.SoftHSMDir},
	})
	if err != nil {
		return err
	}
	defer worker.Close()
	config := activation.Config{
		DB: db, Pins: activation.PinsFile(filepath.Join(folder, "pins.json")), Policy: hand.Policy,
		RPID: hand.RPID, RPName: hand.RPName, ApproveOrigin: hand.ApproveOrigin, PortalOrigin: hand.PortalOrigin,
		VersionsFile: filepath.Join(folder, "versions"), Now: now, Log: log,
	}
	if config.Vault, err = worker.Vault(ctx, kekActivation); err != nil {
		return err
	}
	if config.MAC, err = worker.MAC(ctx, recordsLabel); err != nil {
		return err
	}
	if config.Identity, err = worker.Key(ctx, identityLabel); err != nil {
		return err
	}
	api, err := inheritedListener(in.File(fileAPI), hand.APIUsers, log)
	if err != nil {
		return err
	}
	approval, err := inheritedListener(in.File(fileApproval), []int{hand.ApprovalUser}, log)
	if err != nil {
		return err
	}
	err = activation.Serve(ctx, config, activation.Sockets{API: api, Approval: approval})
	if ctx.Err() != nil {
		return nil // it was told to end
	}
	return err
}

// inheritedListener takes a listening socket over, for some users.
func inheritedListener(f *os.File, users []int, log *slog.Logger) (net.Listener, error) {
	l, err := takeListener(f)
	if err != nil {
		return nil, err
	}
	return activation.Guard(l, users, log), nil
}
