package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who runs the server. PostgreSQL refuses root, so root has to
// become somebody else, and that somebody must be able to reach the folder.
type account struct {
	// name is what the server calls its own user; initdb wants it in passwd.
	name     string
	uid, gid int
	// namespace: uid is root's id inside a user namespace. Outside, the server
	// is root still, and can reach any folder that root can.
	namespace bool
	// switched: the server becomes uid for good before it starts.
	switched bool
}

// owner is to whom the cluster's files belong, as this process sees them.
func (a account) owner() (uid, gid int) {
	if a.namespace {
		return 0, 0
	}
	return a.uid, a.gid
}

// chooseAccount decides who runs the server for the folder dir.
//
//   - Not root: ourselves.
//   - Root, on a folder that belongs to an ordinary user: that user.
//   - Root: the user postgres of a user namespace; where namespaces are refused
//     (in a chroot, on a hardened kernel) the real user postgres.
func chooseAccount(dir, bin string, log *slog.Logger) (account, error) {
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err != nil {
			return account{}, fmt.Errorf("find own user: %w", err)
		}
		return account{name: me.Username, uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return account{}, fmt.Errorf("find the owner of the folder: %w", err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		who, err := user.LookupId(strconv.Itoa(int(owner)))
		if err != nil {
			return account{}, fmt.Errorf("find the owner of the folder: %w", err)
		}
		return switchTo(who)
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return account{}, fmt.Errorf("root may not run PostgreSQL: %w; hint: apt-get install postgresql makes the user postgres", err)
	}
	a, err := switchTo(who)
	if err != nil {
		return account{}, err
	}
	inside := account{name: a.name, uid: a.uid, gid: a.gid, namespace: true}
	probe := exec.Command(filepath.Join(bin, "postgres"), "--version")
	probe.SysProcAttr = inside.sysProcAttr()
	if err := probe.Run(); err != nil {
		log.Info("no user namespace here, the database runs as the user postgres", "reason", err.Error())
		return a, nil
	}
	return inside, nil
}

func switchTo(who *user.User) (account, error) {
	uid, err := strconv.Atoi(who.Uid)
	gid, err2 := strconv.Atoi(who.Gid)
	if err := errors.Join(err, err2); err != nil {
		return account{}, fmt.Errorf("read user %s: %w", who.Username, err)
	}
	return account{name: who.Username, uid: uid, gid: gid, switched: true}, nil
}

// sysProcAttr makes a program run as the account, in a session of its own, so
// that a Ctrl-C meant for the appliance does not reach the database first.
func (a account) sysProcAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	switch {
	case a.namespace:
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: a.uid, HostID: 0, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: a.gid, HostID: 0, Size: 1}}
	case a.switched:
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}
