package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names inside of the cluster. The appliance works as roleName, which owns its
// database and nothing else; superuser is for the cluster's own upkeep.
const (
	superuser    = "postgres"
	roleName     = "chop"
	databaseName = "chop"
)

// errAnother: a server that was only beginning, whose starter was killed, has come up meanwhile.
var errAnother = errors.New("another server has begun meanwhile")

// errEnded: the server ended while it was waited for.
var errEnded = errors.New("the server ended")

// errClusterGone: no new one is made in its place by whoever only keeps one running.
var errClusterGone = errors.New("the database's files are gone")

// stopTimeout is how long a server gets to finish its checkpoint.
const stopTimeout = 2 * time.Minute

// cluster is one data folder and its server. Its methods are called by whoever
// holds the start lock, so never by two processes at once.
type cluster struct {
	dir      string // absolute, without symbolic links
	runDir   string // as configured; empty: a folder of our own
	socket   string // folder of the running server's socket
	log      *slog.Logger
	settings map[string]string
	// otherUsers may reach the socket, also after a restart that another process caused.
	otherUsers bool
	// existing: there was a cluster here. A folder without one is not mounted, or was moved away, and no place for a new one.
	existing bool
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }
func (c *cluster) data() string            { return c.path("data") }

func (c *cluster) dsn(role, database string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(c.socket)
	return fmt.Sprintf("host='%s' port=%d user=%s dbname=%s sslmode=disable", quoted, port, role, database)
}

// ensure leaves a server running that answers: the one that runs, or a new one. A server that ends while it starts
// may have met one whose starter was killed a moment ago, too early for its postmaster.pid; and a server that
// ends while it is adopted was stopping and makes room for a new one. Either is seen at the next try.
func (c *cluster) ensure(ctx context.Context) error {
	const tries = 5
	for try := 1; ; try++ {
		running, ok := c.running()
		var err error
		if ok {
			err = c.adopt(ctx, running)
		} else {
			err = c.startNew(ctx)
		}
		if !errors.Is(err, errEnded) || try == tries {
			return err
		}
		if err := sleep(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (c *cluster) startNew(ctx context.Context) error {
	major, err := c.version()
	if err != nil {
		return err
	}
	if major == 0 && c.existing {
		return fmt.Errorf("%w: %s has no PG_VERSION", errClusterGone, c.data())
	}
	bin, major, err := findBinaries(debianBinaries, major)
	if err != nil {
		return err
	}
	who, err := chooseAccount(c.dir, bin, c.log)
	if err != nil {
		return err
	}
	s := &server{cluster: c, bin: bin, account: who}
	began := time.Now()
	if _, err := os.Stat(c.data()); errors.Is(err, os.ErrNotExist) {
		if err := s.create(ctx); err != nil {
			return err
		}
		c.log.Info("database created", "dir", c.dir, "version", major, "took", time.Since(began).Round(time.Millisecond))
	}
	if err := s.start(ctx); err != nil {
		if _, ok := c.running(); ok || errors.Is(err, errAnother) {
			return c.ensure(ctx)
		}
		return err
	}
	if err := c.ensureDatabase(ctx); err != nil {
		return errors.Join(err, c.stop())
	}
	c.log.Info("database started", "dir", c.dir, "socket", c.socket, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// superDSN is for the cluster's own upkeep. What the superuser says means what PostgreSQL has by that name: the owner
// of a database can put functions of theirs into its search_path.
func (c *cluster) superDSN(database string) string {
	return c.dsn(superuser, database) + " search_path=pg_catalog"
}

// version is the major version that made the cluster, 0 if there is none yet.
func (c *cluster) version() (int, error) {
	b, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || v < 10 {
		return 0, fmt.Errorf("read the cluster's version: %q", b)
	}
	return v, nil
}

// running finds the live server of this data folder. The process id alone
// proves nothing, because ids are used again: a server's working directory is
// its data folder.
func (c *cluster) running() (postmaster, bool) {
	pm, err := readPostmaster(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return postmaster{}, false
	}
	return pm, worksIn(pm.PID, c.data())
}

// adopt waits until the server answers. One that had only just been started when its chop was killed writes the
// socket's folder into its postmaster.pid a moment later.
func (c *cluster) adopt(ctx context.Context, pm postmaster) error {
	ended := func() bool { return !worksIn(pm.PID, c.data()) }
	for pm.SocketDir == "" {
		if ended() {
			return errEnded
		}
		if err := sleep(ctx, 15*time.Millisecond); err != nil {
			return fmt.Errorf("wait for the server that starts (process %d): %w", pm.PID, err)
		}
		if now, ok := c.running(); ok && now.PID == pm.PID {
			pm = now
		}
	}
	c.socket = pm.SocketDir
	if err := c.await(ctx, ended); err != nil {
		return fmt.Errorf("adopt the server that runs (process %d): %w", pm.PID, err)
	}
	if err := c.ensureDatabase(ctx); err != nil { // its starter may have been killed before this
		return err
	}
	if c.otherUsers {
		if err := c.openSocket(); err != nil {
			return err
		}
	}
	c.log.Info("database adopted", "dir", c.dir, "socket", c.socket, "process", pm.PID)
	return nil
}

// stop ends the server after a checkpoint (fast shutdown) and waits for it.
func (c *cluster) stop() error {
	pm, ok := c.running()
	if !ok {
		return nil
	}
	began := time.Now()
	if err := unix.Kill(pm.PID, unix.SIGINT); err != nil {
		return fmt.Errorf("signal process %d: %w", pm.PID, err)
	}
	for worksIn(pm.PID, c.data()) {
		if time.Since(began) > stopTimeout {
			return fmt.Errorf("process %d still runs after %v", pm.PID, stopTimeout)
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.removeRunDir(pm.SocketDir)
	c.log.Info("database stopped", "dir", c.dir, "took", time.Since(began).Round(time.Millisecond))
	return nil
}
