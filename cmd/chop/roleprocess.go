package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"chop/internal/supervisor"
)

// The roles that are processes of their own beside the tokens' workers (tokens.go): what one of them gives away is not
// what another holds.
const (
	processActivation = "activation" // with its token
	processApproval   = "approval"
	processServer     = "server"
	processSealing    = "sealing" // uses departments' seals, on their operators' word
)

// users are the roles that have a user of their own if root starts them; their order gives the users' numbers.
var users = []string{processActivation, processApproval, processServer, roleCA, roleTSA, roleSeals, roleSealer, roleRoot, processSealing}

// defaultFirstUID begins a range that Debian gives to nobody (Debian policy, 9.2.2: 60000-64999 are allocated on
// demand and not by tools).
const defaultFirstUID = 64100

// uid is the numeric user, and group, of a role; -1 where the separation is off.
func (c *config) uid(role string) int {
	if os.Geteuid() != 0 {
		return -1
	}
	return c.numberOf(role)
}

// numberOf is uid for a process that is one of the roles already.
func (c *config) numberOf(role string) int {
	first := c.Roles.FirstUID
	if first == 0 {
		first = defaultFirstUID
	}
	i := slices.Index(users, role)
	if first < 0 || i < 0 {
		return -1
	}
	return first + i
}

func (a *appliance) uid(role string) int {
	if a.handed != nil {
		return a.config.numberOf(role)
	}
	return a.config.uid(role)
}

// peer is the user that a role connects as.
func (a *appliance) peer(role string) int {
	if uid := a.uid(role); uid >= 0 {
		return uid
	}
	return os.Geteuid()
}

// runRole keeps a role's supervisor running until ctx ends. A supervisor does not end by itself; if it is killed,
// another one is started.
func (a *appliance) runRole(ctx context.Context, role, dir string, hand any, files []*os.File) error {
	secret, err := json.Marshal(hand)
	if err != nil {
		return err
	}
	uid, gid := a.uid(role), a.uid(role)
	if role == processSealing {
		gid = a.uid(processServer) // reads public/, as the server does
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		run, err := supervisor.Start(ctx, supervisor.Role{
			Name: role, UID: uid, GID: gid, Dir: dir, Files: files, Secret: secret, Log: a.log,
			LockMemory: uid >= 0 && role != processApproval, // that one has no secret
			Supervisor: []string{"/proc/self/exe", "role-supervisor"},
			Program:    []string{"/proc/self/exe", role + "-process"},
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return run.Stop()
		case <-run.Done():
			a.log.Error("a role's supervisor ended; starting it again", "role", role)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// giveFolder gives a folder and what is in it to a user. The folder may be that user's already, who may be at work in
// it against us: nothing that they put there, a link or a folder that turns into one, leads out of it, and a file that
// has another name elsewhere is left alone.
func giveFolder(dir string, uid int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // SoftHSM makes files and removes them as it works
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if stat := info.Sys().(*syscall.Stat_t); !info.IsDir() && stat.Nlink > 1 || int(stat.Uid) == uid && int(stat.Gid) == uid {
			return nil
		}
		if err := root.Lchown(path, uid, uid); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// superviseRole is the body of `chop role-supervisor`.
func superviseRole() error {
	return supervisor.Main(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// roleLog is a role's log, on the server's standard error: what somebody should look at, not each request.
func roleLog(role string) *slog.Logger { return newRoleLog(role, slog.LevelWarn) }

func newRoleLog(role string, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("role", role)
}

// inheritRole takes what a role's process was handed.
func inheritRole(hand any) (*supervisor.Inheritance, error) {
	in, err := supervisor.Inherit()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(in.Secret, hand); err != nil {
		return nil, fmt.Errorf("%w: %w", supervisor.ErrHandover, err)
	}
	clear(in.Secret)
	return in, nil
}

// takeListener takes a listening socket over that a role's process was handed. Its name stays when this process ends:
// whoever handed it over has it too.
func takeListener(f *os.File) (net.Listener, error) {
	l, err := net.FileListener(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("take a socket over: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, nil
}
