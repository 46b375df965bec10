package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"chop/internal/audit"
	"chop/signer/activation"
)

// serve answers on listener, and on desk unless that is nil, and keeps house until ctx ends: certificates of our own
// units renewed, CRLs fresh, abandoned work closed, audit events chained. The activation process and the approval
// origin run as processes of their own meanwhile.
func (a *appliance) serve(ctx context.Context, listener, desk net.Listener) error {
	defer listener.Close() // Shutdown closes it too; this is for the errors before
	alone, err := a.folder.serveAlone()
	if err != nil {
		if desk != nil {
			desk.Close()
		}
		return err
	}
	defer alone.Close()
	defer a.removeSockets()
	told := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, gctx := errgroup.WithContext(ctx)
	handler, err := a.parts(gctx, group)
	if err != nil {
		if desk != nil {
			desk.Close()
		}
		cancel()
		if first := group.Wait(); first != nil { // it may be why the rest could not be started
			err = first
		}
		return unlessTold(told, err)
	}
	server := &http.Server{
		Handler: handler,
		// A slow or silent client holds a connection, not a worker (slowloris).
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10,
	}
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-gctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(gctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(stop)
	})
	if desk != nil {
		group.Go(func() error { return a.runDesk(gctx, desk) })
	}
	return unlessTold(told, group.Wait())
}

// unlessTold is err, but for one that says that the server was told to end: while a part was still starting, that part
// says so.
func unlessTold(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// parts starts all that runs beside the server, and returns what the server answers with. An error that comes before
// the group is waited for ends what was started with the group's context, by the caller.
func (a *appliance) parts(ctx context.Context, group *errgroup.Group) (http.Handler, error) {
	authority, err := a.authority(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := a.ensureUnit(ctx); err != nil {
		return nil, err
	}
	if _, err := a.timestamper(ctx); err != nil {
		return nil, err
	}
	site, err := newPublicPages(a.config.PublicURL, a.policies)
	if err != nil {
		return nil, err
	}
	sequencer, err := audit.NewSequencer(audit.Config{DB: a.db, Log: a.log})
	if err != nil {
		return nil, err
	}
	if _, err := a.ensureActivation(ctx); err != nil {
		return nil, err
	}
	sockets, err := a.folder.sockets()
	if err != nil {
		return nil, err
	}
	if err := a.residentParts(ctx, group, sockets); err != nil {
		return nil, err
	}
	if err := a.awaitActivation(ctx); err != nil {
		return nil, err
	}
	portal, err := a.openPortal(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range []func(context.Context) error{authority.Run, a.keepHouse, sequencer.Run, portal.Run,
		func(ctx context.Context) error { return activation.MoveAllEvents(ctx, a.db, a.log) }} {
		group.Go(func() error { return untilDone(ctx, run) })
	}
	rest := publicRoutes(site, authority, a.serveTimestamps(), portal)
	return byHost(a.config.approveURL(), relay(filepath.Join(sockets, socketApproval)), rest), nil
}

// residentParts starts what residents need: the two processes, the socket that the documents to approve are read
// from, and the housekeeping of registration, signing and notices.
func (a *appliance) residentParts(ctx context.Context, group *errgroup.Group, sockets string) error {
	if a.uid(processActivation) < 0 {
		a.log.Warn("all roles run as one user: whoever takes over one of them has them all", "hint", "start chop as root, which gives each role a user of its own")
	}
	runActivation, err := a.startActivation(ctx, sockets)
	if err != nil {
		return err
	}
	group.Go(runActivation)
	runApproval, err := a.startApproval(ctx, sockets)
	if err != nil {
		return err
	}
	group.Go(runApproval)
	residents, err := a.residents(ctx)
	if err != nil {
		return err
	}
	registry, err := a.registry(ctx)
	if err != nil {
		return err
	}
	notices, err := a.notices(ctx)
	if err != nil {
		return err
	}
	socket, err := listenSocket(ctx, filepath.Join(sockets, socketDocuments))
	if err != nil {
		return err
	}
	documents := &http.Server{Handler: residents.DocumentHandler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute}
	group.Go(func() error {
		defer context.AfterFunc(ctx, func() { documents.Close() })()
		guarded := activation.Guard(socket, []int{a.peer(processApproval)}, a.log)
		if err := documents.Serve(guarded); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve documents: %w", err)
		}
		return nil
	})
	for _, run := range []func(context.Context) error{residents.Run, registry.Run, notices.Run} {
		group.Go(func() error { return untilDone(ctx, run) })
	}
	return nil
}

// awaitActivation waits until the activation process answers: its token was tried, and its tables are there.
func (a *appliance) awaitActivation(ctx context.Context) error {
	client, err := a.activation()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := client.Identity(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return hinted{fmt.Errorf("wait for the activation process: %w", err), "its reason is in the lines above", 1}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// untilDone runs a housekeeper; its end by the context's is no failure.
func untilDone(ctx context.Context, run func(context.Context) error) error {
	if err := run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// listenDesk takes the officers' address; nil without a desk.
func (a *appliance) listenDesk() (net.Listener, error) {
	if a.config.OfficerListen == "" || a.config.OfficerListen == "none" {
		return nil, nil
	}
	l, err := net.Listen("tcp", a.config.OfficerListen)
	if err != nil {
		return nil, hinted{fmt.Errorf("serve the officers' desk: %w", err), "another program has that address; choose one with --officer-listen, or none", 1}
	}
	return l, nil
}
