package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"chop/archive"
	"chop/validation"
)

// storeFolder is the long-term store's, in the data folder.
const storeFolder = "store"

// archived is the long-term store. What it trusts is what the validation service does.
func (a *appliance) archived(ctx context.Context) (*archive.Store, error) {
	return a.services.archive.get(func() (*archive.Store, error) {
		authority, err := a.authority(ctx)
		if err != nil {
			return nil, err
		}
		sealer, err := a.sealer(ctx)
		if err != nil {
			return nil, err
		}
		policy, err := a.policies.Preservation("default")
		if err != nil {
			return nil, err
		}
		anchors, lists, err := a.trusted(ctx, authority)
		if err != nil {
			return nil, err
		}
		judge, err := newValidator(anchors, newServedFetcher(authority))
		if err != nil {
			return nil, err
		}
		room, err := a.tokenRoom(authority)
		if err != nil {
			return nil, err
		}
		return archive.New(archive.Config{
			DB: a.db, Policy: policy, Dir: a.folder.path(storeFolder), Sealer: sealer, Judge: judge, Options: validation.Options{Lists: lists},
			Timestamper: timestamper{a}, Evidence: authority, TokenSize: room, MaxBytes: a.config.Validation.MaxBytes, Log: a.log, Now: now,
		})
	})
}

// giveStore gives the server's user the store's folder, which it renews in; once, for a store may be large.
func (a *appliance) giveStore() error {
	dir, uid := a.folder.path(storeFolder), a.uid(processServer)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the store's folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner := info.Sys().(*syscall.Stat_t); int(owner.Uid) == uid {
		return nil
	}
	if err := giveFolder(dir, uid); err != nil {
		return fmt.Errorf("give the store's folder to role %s: %w", processServer, err)
	}
	return nil
}
