package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"chop/hsm"
	"chop/signer/activation"
)

// launchedTokens are the tokens whose keys are used by way of a launcher: for what, and by which processes.
var launchedTokens = map[string]struct {
	uses  hsm.Uses
	roles []string
}{
	roleCA:     {hsm.UseKeys, []string{processServer, processSealing}},
	roleTSA:    {hsm.UseKeys, []string{processServer, processSealing}},
	roleSealer: {hsm.UseSealers, []string{processServer}},
	roleSeals:  {hsm.UseVaults, []string{processSealing}},
}

func tokenSocket(sockets, role string) string {
	return filepath.Join(sockets, "token-"+role+".sock")
}

// startApart starts all of it as root, which then answers nobody: it keeps the other processes running, starts tokens'
// workers as their roles' users, and keeps house.
func (a *appliance) startApart(ctx context.Context, group *errgroup.Group, turn *turn, d doors) error {
	own := a.apart()
	kept := false
	defer func() {
		if !kept {
			own.tokens.Close()
		}
	}()
	if err := own.prepare(ctx, d); err != nil {
		return err
	}
	sockets, err := a.sockets()
	if err != nil {
		return err
	}
	if err := a.startRoles(ctx, group, sockets); err != nil {
		return err
	}
	if err := a.launchTokens(ctx, group, sockets, d.departments != nil); err != nil {
		return err
	}
	weights, err := a.faceWeights()
	if err != nil {
		return err
	}
	reports, files, err := a.serverFiles(ctx, sockets, turn, d)
	if err != nil {
		closeFiles(weights)
		return err
	}
	files = append(files, weights...)
	hand, err := a.serverHand(ctx, sockets, d)
	if err == nil {
		hand.Faces = len(weights)
		err = a.letServerIn()
	}
	if err != nil {
		reports.Close()
		closeFiles(files)
		return err
	}
	if d.departments != nil {
		run, err := a.startSealing(hand)
		if err != nil {
			reports.Close()
			closeFiles(files)
			return err
		}
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error {
		defer closeFiles(files)
		return a.runRole(ctx, processServer, a.folder.path(), hand, files)
	})
	if err := a.awaitServer(ctx, reports); err != nil {
		return err
	}
	kept = true
	group.Go(func() error {
		return untilDone(ctx, func(ctx context.Context) error { return a.keepHouse(ctx, own, a.apart) })
	})
	return nil
}

// launchTokens gives the users of the server and of the sealing process, and nobody else, workers of the tokens that they need.
func (a *appliance) launchTokens(ctx context.Context, group *errgroup.Group, sockets string, departments bool) error {
	for role, t := range launchedTokens {
		if role == roleSeals && !departments {
			continue
		}
		var users []int
		for _, r := range t.roles {
			users = append(users, a.uid(r))
		}
		c := hsm.WorkerConfig{Uses: t.uses}
		if err := a.tokens.worker(role, &c); err != nil {
			return fmt.Errorf("open token %s: %w", role, err)
		}
		socket, err := listenSocket(ctx, tokenSocket(sockets, role))
		if err != nil {
			return err
		}
		group.Go(func() error {
			return hsm.Launch(ctx, activation.Guard(socket, users, a.log), c)
		})
	}
	return nil
}

// serverFiles are the server's descriptors. Its reports come out of the first one.
func (a *appliance) serverFiles(ctx context.Context, sockets string, turn *turn, d doors) (reports *os.File, files []*os.File, err error) {
	reports, report, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	files = make([]*os.File, fileDesk, fileDesk+2)
	files[fileReport] = report
	add := func(i int, f func() (*os.File, error)) {
		if err == nil {
			files[i], err = f()
		}
	}
	add(filePublic, d.public.(*net.TCPListener).File)
	add(fileDocuments, func() (*os.File, error) {
		documents, err := listenFiles(ctx, filepath.Join(sockets, socketDocuments))
		if err != nil {
			return nil, err
		}
		return documents[0], nil
	})
	add(fileTurn, func() (*os.File, error) { return dup(turn.server) })
	for _, l := range []net.Listener{d.officers, d.kiosks, d.departments} {
		if l != nil {
			files = append(files, nil)
			add(len(files)-1, l.(*net.TCPListener).File)
		}
	}
	if err != nil {
		closeFiles(files)
		return nil, nil, errors.Join(err, reports.Close())
	}
	return reports, files, nil
}

// serverHand is what the server is told.
func (a *appliance) serverHand(ctx context.Context, sockets string, d doors) (*serverHand, error) {
	hand := &serverHand{
		Config: a.config, Sockets: sockets, Reference: a.referenceAddress(), Desk: d.officers != nil, Kiosks: d.kiosks != nil, Departments: d.departments != nil,
		Verbose: a.log.Enabled(ctx, slog.LevelDebug), Files: map[string][]byte{},
	}
	if a.private != nil {
		password, err := a.folder.ensureSecret("server.database")
		if err != nil {
			return nil, err
		}
		if hand.DSN, err = a.private.Server(ctx, password); err != nil {
			return nil, err
		}
	} else {
		var err error
		if hand.DSN, err = readSecretFile(a.config.Database.DSNFile); err != nil {
			return nil, fmt.Errorf("read database.dsn_file: %w", err)
		}
	}
	give := func(name, path string) error {
		data, err := os.ReadFile(path)
		if err == nil {
			hand.Files[name] = data
		}
		return err
	}
	var machines []string
	for name, wanted := range map[string]bool{
		machineDesk: hand.Desk, machineKiosks: hand.Kiosks, machineDepartments: hand.Departments, machineImmigration: a.config.Immigration.CertFile == "",
	} {
		if wanted {
			machines = append(machines, name)
		}
	}
	for _, name := range machines {
		if err := give(folder(".").path("secrets", name+".pem"), a.folder.path("secrets", name+".pem")); err != nil {
			return nil, err
		}
	}
	for _, path := range a.config.serverFiles() {
		if err := give(path, path); err != nil {
			return nil, err
		}
	}
	return hand, nil
}

// serverFiles are the operator's files that the configuration names for the server.
func (c *config) serverFiles() (paths []string) {
	all := []string{c.Mail.PasswordFile, c.Immigration.CAFile, c.Immigration.CertFile, c.Immigration.KeyFile, c.CardIssuers}
	for _, path := range c.Immigration.AnswerKeys {
		all = append(all, path)
	}
	all = slices.Concat(all, c.Validation.Trust, c.Validation.Operator)
	for _, path := range all {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// letServerIn lets the server's user pass through the data folder to what it reads, public/, and to what it writes,
// the messages that leave as files and the long-term store. Everything else there is closed by its own mode.
func (a *appliance) letServerIn() error {
	gid := a.uid(processServer)
	for dir, mode := range map[string]os.FileMode{a.folder.path(): 0o010, a.folder.path("public"): 0o050, a.folder.path("out"): 0o010} {
		if err := letGroup(dir, gid, mode); err != nil {
			return err
		}
	}
	public, err := filepath.Glob(a.folder.path("public", "*.pem"))
	if err != nil {
		return err
	}
	for _, file := range public {
		if err := letGroup(file, gid, 0o040); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(a.folder.path("out", "mail"), 0o700); err != nil {
		return fmt.Errorf("make the folder for messages: %w", err)
	}
	if err := giveFolder(a.folder.path("out", "mail"), gid); err != nil {
		return fmt.Errorf("give a folder to role %s: %w", processServer, err)
	}
	return a.giveStore()
}

// letGroup gives a file or folder to a group, with these rights and no others: what the group before had was not for
// this one.
func letGroup(path string, gid int, mode os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, info.Mode().Perm()&^0o070|mode); err != nil {
		return fmt.Errorf("let role %s in: %w", processServer, err)
	}
	if err := os.Chown(path, -1, gid); err != nil {
		return fmt.Errorf("let role %s in: %w", processServer, err)
	}
	return nil
}

// awaitServer waits until the server answers for the first time, or has said why it does not. Later ones that fail are
// started again.
func (a *appliance) awaitServer(ctx context.Context, reports *os.File) error {
	first := make(chan startReport, 1)
	go func() {
		defer reports.Close()
		var r startReport
		if err := json.NewDecoder(reports).Decode(&r); err == nil {
			first <- r
		}
		_, _ = io.Copy(io.Discard, reports) // until nobody is left who could say more
	}()
	select {
	case r := <-first:
		return r.err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
