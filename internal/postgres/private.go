package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// PrivateConfig says where the private cluster lives.
type PrivateConfig struct {
	// Dir holds the cluster: data/ (PostgreSQL's own), and two lock files.
	// It is made if absent, mode 0700. Its owner is whom the server serves.
	Dir string
	// RunDir is the folder of the Unix socket. Empty means a short one of its
	// own under /run, $XDG_RUNTIME_DIR or /tmp: the socket's whole path must
	// stay under 107 bytes, which a path inside of Dir seldom does.
	RunDir string
	// OtherUsers lets processes of other users reach the server's socket, where
	// pg_hba.conf decides about them: a role that has a password shows it, and
	// nobody else is let in.
	OtherUsers bool
	// Log receives starts, adoptions and stops; nil discards them.
	Log *slog.Logger
	// Settings are lines of postgresql.conf that go over the usual ones.
	Settings map[string]string
}

// Private is a share in the private cluster of a folder: a PostgreSQL server
// that listens on a Unix socket only, as a user who is not root.
//
// Every process of the appliance that works on the folder holds a share, which
// is a shared flock that the kernel drops with the process, however it ends.
// The first one starts the server or adopts a running one (left behind by a
// kill -9), the last one out stops it.
type Private struct {
	cluster *cluster
	share   *fileLock
	once    sync.Once
	closed  error
}

// StartPrivate takes a share in the cluster of cfg.Dir; it makes and starts the
// cluster where there is none. The server outlives ctx, which bounds the start.
func StartPrivate(ctx context.Context, cfg PrivateConfig) (*Private, error) {
	if cfg.Dir == "" {
		return nil, errors.New("start private database: no folder")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make database folder: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("find %s: %w", cfg.Dir, err)
	}
	c := &cluster{dir: dir, runDir: cfg.RunDir, log: cfg.Log, settings: cfg.Settings, otherUsers: cfg.OtherUsers}

	turn, err := lockExclusive(ctx, c.path("start.lock"))
	if err != nil {
		return nil, fmt.Errorf("wait for the database's turn: %w", err)
	}
	defer turn.Unlock()
	share, err := lockShared(ctx, c.path("share.lock"))
	if err != nil {
		return nil, fmt.Errorf("share the database: %w", err)
	}
	if err := c.ensure(ctx); err != nil {
		share.Unlock()
		return nil, fmt.Errorf("start private database in %s: %w", dir, err)
	}
	return &Private{cluster: c, share: share}, nil
}

// DSN is the connection string of the appliance's database. It needs no
// password: the server asks the kernel who is at the other end of the socket.
func (p *Private) DSN() string { return p.cluster.dsn(roleName, databaseName) }

// AdminDSN connects to the maintenance database as the server's superuser: for
// operators' tools and for tests. The appliance itself never uses it.
func (p *Private) AdminDSN() string { return p.cluster.dsn(superuser, "postgres") }

// Close gives the share back. The last one waits until the server has stopped.
func (p *Private) Close() error {
	p.once.Do(func() { p.closed = p.close() })
	return p.closed
}

func (p *Private) close() error {
	turn, err := lockExclusive(context.Background(), p.cluster.path("start.lock"))
	if err != nil {
		return errors.Join(fmt.Errorf("wait for the database's turn: %w", err), p.share.Unlock())
	}
	defer turn.Unlock()
	if err := p.share.Unlock(); err != nil {
		return fmt.Errorf("give back the database: %w", err)
	}
	last, err := tryExclusive(p.cluster.path("share.lock"))
	if err != nil || last == nil {
		return err
	}
	defer last.Unlock()
	defer p.leadNoMore()
	if err := p.cluster.stop(); err != nil {
		return fmt.Errorf("stop private database in %s: %w", p.cluster.dir, err)
	}
	return nil
}
