package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// keepEvery is how often a kept server is looked at: the longest time that a killed one is missed.
const keepEvery = 250 * time.Millisecond

// Keep starts the cluster's server again whenever it is gone, until ctx ends: the kernel may have killed it for want of
// memory. It makes no new cluster where the old one's folder is gone. What was committed is recovered, and pools that are open connect anew by themselves. It is for processes that
// stay; several may keep one cluster. The share must be held meanwhile.
func (p *Private) Keep(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		running, ok := p.cluster.running()
		if ok && p.reaches(running) || p.blind() {
			continue
		}
		if ok {
			p.cluster.log.Warn("the database's server answers elsewhere; leading there", "dir", p.cluster.dir, "socket", running.SocketDir)
		} else {
			p.cluster.log.Error("the database's server is gone; starting it again", "dir", p.cluster.dir)
		}
		if err := p.restart(ctx); err != nil && ctx.Err() == nil {
			p.cluster.log.Error("the database could not be started again; it is tried again", "dir", p.cluster.dir, "error", err)
		}
	}
}

// blind reports that nothing can be known of other processes: without /proc each server looks as if it were gone.
func (p *Private) blind() bool {
	_, err := os.Stat("/proc/self/cwd")
	return err != nil
}

// restart leaves a server running at the same socket, for the same users. Once begun it is not broken off: others who
// share the cluster wait for it too.
func (p *Private) restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	turn, err := lockExclusive(ctx, p.cluster.path("start.lock"))
	if err != nil {
		return fmt.Errorf("wait for the database's turn: %w", err)
	}
	defer turn.Unlock()
	again := &cluster{
		dir: p.cluster.dir, runDir: p.cluster.socket, log: p.cluster.log, settings: p.cluster.settings, otherUsers: p.cluster.otherUsers, existing: true,
	}
	if err := again.ensure(ctx); err != nil {
		return err
	}
	return p.lead(again.socket)
}

func socketIn(dir string) string { return filepath.Join(dir, fmt.Sprintf(".s.PGSQL.%d", port)) }

// reaches reports that whoever connects to the socket that we know comes to this server, as far as it has one yet.
func (p *Private) reaches(pm postmaster) bool {
	if pm.SocketDir == "" || pm.SocketDir == p.cluster.socket {
		return true
	}
	to, err := os.Readlink(socketIn(p.cluster.socket))
	return err == nil && to == socketIn(pm.SocketDir)
}

// lead has the socket that our pools know lead to the server's. A command that was faster than we after the server was
// killed may have another folder for sockets, by another TMPDIR or XDG_RUNTIME_DIR.
func (p *Private) lead(dir string) error {
	own := p.cluster.socket
	if dir == own {
		return nil
	}
	mode := os.FileMode(0o700)
	if p.cluster.otherUsers {
		mode = 0o711
	}
	if err := os.Mkdir(own, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("lead to the database's socket: %w", err)
	}
	if info, err := os.Lstat(own); err != nil || !p.cluster.ours(info) {
		return fmt.Errorf("lead to the database's socket: the folder %s is not ours any more (%w)", own, err)
	}
	if err := os.Remove(socketIn(own)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lead to the database's socket: %w", err)
	}
	if err := os.Symlink(socketIn(dir), socketIn(own)); err != nil {
		return fmt.Errorf("lead to the database's socket: %w", err)
	}
	return nil
}

// ours reports that it is a folder of ours, or of the user who runs the server.
func (c *cluster) ours(info fs.FileInfo) bool {
	data, err := os.Stat(c.data())
	if err != nil || !info.IsDir() {
		return false
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	return uid == uint32(os.Geteuid()) || uid == data.Sys().(*syscall.Stat_t).Uid
}

// leadNoMore removes what lead made.
func (p *Private) leadNoMore() {
	if _, err := os.Readlink(socketIn(p.cluster.socket)); err == nil {
		os.Remove(socketIn(p.cluster.socket))
		p.cluster.removeRunDir(p.cluster.socket)
	}
}
