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

// doors are where the network comes in, and the approval process: listeners, which root may have opened.
type doors struct {
	public, officers net.Listener // officers: nil without a desk
	kiosks           net.Listener // nil without kiosks
	departments      net.Listener // nil without departments' programs
	documents        net.Listener // what is to be approved is read there
}

// close closes what comes in from the network.
func (d doors) close() {
	for _, l := range []net.Listener{d.public, d.officers, d.kiosks, d.departments} {
		if l != nil {
			l.Close()
		}
	}
}

// serve answers at the doors that are there, and keeps house until ctx ends: certificates of our own
// units renewed, CRLs fresh, abandoned work closed, audit events chained. The activation process and the approval
// origin run as processes of their own meanwhile; as root, so does what answers here (serverstart.go).
func (a *appliance) serve(ctx context.Context, turn *turn, d doors) error {
	defer d.close() // Shutdown closes them too; this is for the errors before
	defer a.removeSockets()
	told := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, gctx := errgroup.WithContext(ctx)
	if a.private != nil {
		group.Go(func() error { return a.private.Keep(gctx) })
	}
	start := a.startHere
	if a.uid(processServer) >= 0 {
		start = a.startApart
	}
	if err := start(gctx, group, turn, d); err != nil {
		cancel()
		if first := group.Wait(); first != nil { // it may be why the rest could not be started
			err = first
		}
		return unlessTold(told, err)
	}
	return unlessTold(told, group.Wait())
}

// startHere starts all with this process as the server. An error that comes before the group is waited for ends what
// was started with the group's context, by the caller.
func (a *appliance) startHere(ctx context.Context, group *errgroup.Group, _ *turn, d doors) error {
	a.log.Warn("all roles run as one user: whoever takes over one of them has them all", "hint", "start chop as root, which gives each role a user of its own")
	if err := a.prepare(ctx, d); err != nil {
		return err
	}
	sockets, err := a.sockets()
	if err != nil {
		return err
	}
	if err := a.startRoles(ctx, group, sockets); err != nil {
		return err
	}
	if d.documents, err = listenSocket(ctx, filepath.Join(sockets, socketDocuments)); err != nil {
		return err
	}
	if d.departments != nil {
		own, err := a.roleFolder(processSealing)
		if err != nil {
			return err
		}
		own.Close()
		book, err := a.authorizing(a.folder.path(processSealing)) // before anybody opens the signature service
		if err != nil {
			return err
		}
		group.Go(func() error {
			return untilDone(ctx, func(ctx context.Context) error { return a.runSealing(ctx, book, a.folder.path(processSealing)) })
		})
	}
	group.Go(func() error {
		return untilDone(ctx, func(ctx context.Context) error { return a.keepHouse(ctx, a, func() *appliance { return a }) })
	})
	return a.answer(ctx, group, d)
}

// prepare makes what a server finds, and what it could not make if it is another user.
func (a *appliance) prepare(ctx context.Context, d doors) error {
	if _, err := a.infrastructure(ctx); err != nil {
		return err
	}
	if d.officers != nil {
		if _, err := a.deskCertificate(ctx); err != nil {
			return err
		}
	}
	if d.kiosks != nil {
		if _, err := a.kioskCertificate(ctx); err != nil {
			return err
		}
	}
	if d.departments != nil {
		if _, err := a.departmentCertificate(ctx); err != nil {
			return err
		}
		if err := a.ensureOperators(ctx); err != nil {
			return err
		}
		token, err := a.tokens.get(ctx, roleSeals)
		if err == nil {
			_, err = token.Vault(ctx, kekSeals) // who uses seals cannot make it
		}
		if err != nil {
			return fmt.Errorf("open the vault of the seals: %w", err)
		}
	}
	if _, err := a.immigration(ctx); err != nil {
		return err
	}
	if _, err := a.authority(ctx); err != nil { // the OCSP responder's key
		return err
	}
	if _, err := a.ensureUnit(ctx); err != nil {
		return err
	}
	if _, err := a.timestamper(ctx); err != nil {
		return err
	}
	if _, err := a.sealer(ctx); err != nil {
		return err
	}
	if _, err := a.notices(ctx); err != nil { // its folder
		return err
	}
	_, err := a.ensureActivation(ctx)
	return err
}

// startRoles starts the two processes of residents' signing.
func (a *appliance) startRoles(ctx context.Context, group *errgroup.Group, sockets string) error {
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
	return nil
}

// unlessTold is err, but for one that says that the server was told to end: while a part was still starting, that part
// says so.
func unlessTold(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// answer opens the doors, and starts the housekeeping of whatever answers there.
func (a *appliance) answer(ctx context.Context, group *errgroup.Group, d doors) error {
	handler, err := a.parts(ctx, group)
	if err != nil {
		return err
	}
	residents, err := a.residents(ctx)
	if err != nil {
		return err
	}
	documents := &http.Server{Handler: residents.DocumentHandler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute}
	group.Go(func() error {
		defer context.AfterFunc(ctx, func() { documents.Close() })()
		guarded := activation.Guard(d.documents, []int{a.peer(processApproval)}, a.log)
		if err := documents.Serve(guarded); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve documents: %w", err)
		}
		return nil
	})
	server := &http.Server{
		Handler: handler,
		// A slow or silent client holds a connection, not a worker (slowloris).
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10,
	}
	group.Go(func() error {
		if err := server.Serve(d.public); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(stop)
	})
	if d.officers != nil {
		group.Go(func() error { return a.runDesk(ctx, d.officers) })
	}
	if d.kiosks != nil {
		group.Go(func() error { return a.runKiosks(ctx, d.kiosks) })
	}
	if d.departments != nil {
		group.Go(func() error { return a.runDepartments(ctx, d.departments) })
	}
	return nil
}

// parts opens the services, starts their housekeeping, and returns what the server answers with.
func (a *appliance) parts(ctx context.Context, group *errgroup.Group) (http.Handler, error) {
	authority, err := a.authority(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := a.timestamper(ctx); err != nil {
		return nil, err
	}
	phones, err := a.offerPhones(ctx)
	if err != nil {
		return nil, err
	}
	if phones != nil {
		group.Go(func() error { return untilDone(ctx, phones) })
	}
	site, err := newPublicPages(a.config.PublicURL, a.policies)
	if err != nil {
		return nil, err
	}
	sequencer, err := audit.NewSequencer(audit.Config{DB: a.db, Log: a.log})
	if err != nil {
		return nil, err
	}
	sockets, err := a.sockets()
	if err != nil {
		return nil, err
	}
	residents, err := a.residents(ctx)
	if err != nil {
		return nil, err
	}
	registry, err := a.registry(ctx)
	if err != nil {
		return nil, err
	}
	notices, err := a.notices(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.awaitActivation(ctx); err != nil {
		return nil, err
	}
	portal, err := a.openPortal(ctx)
	if err != nil {
		return nil, err
	}
	judge, err := a.validations(ctx)
	if err != nil {
		return nil, err
	}
	receivers, err := a.openReceivers(ctx, portal.FontSheet)
	if err != nil {
		return nil, err
	}
	kept, err := a.archived(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range []func(context.Context) error{authority.Run, sequencer.Run, portal.Run, residents.Run, registry.Run, notices.Run, kept.Run, a.keepRetention,
		func(ctx context.Context) error { return activation.MoveAllEvents(ctx, a.db, a.log) }} {
		group.Go(func() error { return untilDone(ctx, run) })
	}
	rest := publicRoutes(site, authority, a.serveTimestamps(), a.publicValidation(judge), receivers, portal)
	return byHost(a.config.approveURL(), relay(filepath.Join(sockets, socketApproval)), behind(a.config.TrustedProxy, a.log, rest)), nil
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
