package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"chop/signer/approval"
)

// approvalHand is all that the approval process is handed: addresses, and no secret.
type approvalHand struct {
	ApproveURL, PortalURL string
	Activation, Documents string // sockets
}

// approvalProcess is the body of `chop approval-process`.
func approvalProcess() error {
	var hand approvalHand
	in, err := inheritRole(&hand)
	if err != nil {
		return err
	}
	ctx, cancel := in.Context(context.Background())
	defer cancel()
	log := roleLog(processApproval)
	origin, err := approval.New(approval.Config{
		ApproveURL: hand.ApproveURL, PortalURL: hand.PortalURL, Log: log, Now: now,
		Activation: approval.Unix(hand.Activation), Documents: approval.Unix(hand.Documents),
	})
	if err != nil {
		return err
	}
	listener, err := takeListener(in.File(0))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: origin, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 3 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // what is left is cut off with the process
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startApproval keeps the approval process running until ctx ends.
func (a *appliance) startApproval(ctx context.Context, sockets string) (func() error, error) {
	files, err := listenFiles(ctx, filepath.Join(sockets, socketApproval))
	if err != nil {
		return nil, err
	}
	own, err := a.roleFolder(processApproval)
	if err != nil {
		closeFiles(files)
		return nil, err
	}
	own.Close() // it works there, and keeps nothing
	hand := approvalHand{
		ApproveURL: a.config.approveURL(), PortalURL: a.config.portalURL(),
		Activation: filepath.Join(sockets, socketActivate), Documents: filepath.Join(sockets, socketDocuments),
	}
	return func() error {
		defer closeFiles(files)
		return a.runRole(ctx, processApproval, a.folder.path(processApproval), hand, files)
	}, nil
}
