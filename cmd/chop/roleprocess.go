package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"chop/internal/supervisor"
)

// The roles that are processes of their own, with users of their own if root starts them: what one of them gives
// away is not what another holds. Their order gives their users' numbers.
const (
	processActivation = "activation"
	processApproval   = "approval"
)

var roleProcesses = []string{processActivation, processApproval}

// defaultFirstUID begins a range that Debian gives to nobody (Debian policy, 9.2.2: 60000-64999 are allocated on
// demand and not by tools).
const defaultFirstUID = 64100

// uid is the numeric user of a role; -1 where the separation is off.
func (a *appliance) uid(role string) int {
	first := a.config.Roles.FirstUID
	if first < 0 || os.Geteuid() != 0 {
		return -1
	}
	if first == 0 {
		first = defaultFirstUID
	}
	for i, r := range roleProcesses {
		if r == role {
			return first + i
		}
	}
	return -1
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
func (a *appliance) runRole(ctx context.Context, role, dir string, hand any, files []*os.File, started func()) error {
	secret, err := json.Marshal(hand)
	if err != nil {
		return err
	}
	uid := a.uid(role)
	if uid >= 0 {
		if err := giveFolder(dir, uid); err != nil {
			return fmt.Errorf("give a folder to role %s: %w", role, err)
		}
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		run, err := supervisor.Start(ctx, supervisor.Role{
			Name: role, UID: uid, GID: uid, Dir: dir, Files: files, Secret: secret, Log: a.log,
			Supervisor: []string{"/proc/self/exe", "role-supervisor"},
			Program:    []string{"/proc/self/exe", role + "-process"},
		})
		if err != nil {
			return err
		}
		if started != nil {
			started()
			started = nil
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
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if stat := info.Sys().(*syscall.Stat_t); !info.IsDir() && stat.Nlink > 1 || int(stat.Uid) == uid && int(stat.Gid) == uid {
			return nil
		}
		return root.Lchown(path, uid, uid)
	})
}

// superviseRole is the body of `chop role-supervisor`.
func superviseRole() error {
	return supervisor.Main(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// roleLog is a role's log, on the server's standard error: what somebody should look at, not each request.
func roleLog(role string) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("role", role)
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
