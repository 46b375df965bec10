package hsm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"
	"golang.org/x/sys/unix"
)

// SoftHSMModule is where Debian's softhsm2 package puts the module.
const SoftHSMModule = "/usr/lib/softhsm/libsofthsm2.so"

// softHSMEnv guards SOFTHSM2_CONF, which SoftHSM reads from the environment of
// the whole process while it initialises.
var softHSMEnv sync.Mutex

// softHSMTurn waits for this process's turn to initialise SoftHSM or to log in on the token in dir. SoftHSM rewrites
// the token's own file at each login, and empties it first: another process that reads it in that moment takes the
// token for absent, and one that is killed in it leaves it so (kept.go). Modules other than SoftHSM need no turn (dir is empty).
func softHSMTurn(dir string) (done func(), err error) {
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(filepath.Join(dir, "login.lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open SoftHSM's folder: %w: %w", ErrTokenAbsent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for the token's turn: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the token's turn: %w", err), f.Close())
	}
	if err := keepTokenObjects(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

// CreateSoftHSM makes a SoftHSM token in the folder dir, which is created with
// mode 0700 if it is absent. The folder may be moved afterwards: opening the
// token writes its place into the softhsm2.conf there, which serves an
// operator's softhsm2-util as well.
//
// The module must not be in use by this process (ErrModuleInUse).
func CreateSoftHSM(ctx context.Context, dir, label, pin, soPIN string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("create SoftHSM token: %w", err)
	}
	cfg := Config{Module: SoftHSMModule, Label: label, PIN: pin, SoftHSMDir: dir}
	if err := cfg.check(); err != nil {
		return err
	}
	if len(pin) < 4 || len(soPIN) < 4 { // SoftHSM's own limit is 4 to 255
		return fmt.Errorf("create SoftHSM token %q: PINs have at least 4 characters", label)
	}
	if err := os.MkdirAll(filepath.Join(dir, "softhsm"), 0o700); err != nil {
		return fmt.Errorf("create SoftHSM token %q: %w", label, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := loadModule(&cfg)
	if err != nil {
		return fmt.Errorf("create SoftHSM token %q: %w", label, err)
	}
	err = m.initToken(soPIN)
	if err := errors.Join(err, m.unload()); err != nil {
		return fmt.Errorf("create SoftHSM token %q: %w", label, err)
	}
	return nil
}

// initToken initialises the one slot without a token, and sets the user's PIN.
func (m *module) initToken(soPIN string) error {
	slots, err := m.GetSlotList(true)
	if err != nil {
		return fmt.Errorf("list slots: %w", err)
	}
	for _, slot := range slots {
		info, err := m.GetTokenInfo(slot)
		if err != nil {
			return fmt.Errorf("read token in slot %d: %w", slot, err)
		}
		if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 {
			if strings.TrimRight(info.Label, " \x00") == m.cfg.Label {
				return fmt.Errorf("the folder already has a token of that label")
			}
			continue
		}
		if err := m.InitToken(slot, soPIN, m.cfg.Label); err != nil {
			return fmt.Errorf("initialise token: %w", err)
		}
		s, err := m.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return fmt.Errorf("open session: %w", err)
		}
		if err := m.Login(s, pkcs11.CKU_SO, soPIN); err != nil {
			return fmt.Errorf("log in as security officer: %w", err)
		}
		if err := m.InitPIN(s, m.cfg.PIN); err != nil {
			return fmt.Errorf("set the user's PIN: %w", err)
		}
		return nil
	}
	return errors.New("no free slot")
}

func softHSMConf(dir string) string {
	return "directories.tokendir = " + filepath.Join(dir, "softhsm") + "\n" +
		"objectstore.backend = file\n" +
		"objectstore.umask = 0077\n" +
		"log.level = ERROR\n" +
		"slots.removable = false\n" +
		"library.reset_on_fork = false\n"
}

// withSoftHSMConf runs fn while SOFTHSM2_CONF names a file that says where dir
// lies now.
func withSoftHSMConf(dir string, fn func() error) error {
	if strings.ContainsAny(dir, "\n\r#") {
		return fmt.Errorf("SoftHSM folder %q: its configuration file cannot express this path", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "softhsm")); err != nil {
		return fmt.Errorf("SoftHSM folder: %w: %w", ErrTokenAbsent, err)
	}
	conf, text := filepath.Join(dir, "softhsm2.conf"), softHSMConf(dir)
	if now, err := os.ReadFile(conf); err != nil || string(now) != text {
		if err := replaceFile(conf, text); err != nil {
			return fmt.Errorf("write SoftHSM configuration: %w", err)
		}
	}

	softHSMEnv.Lock()
	defer softHSMEnv.Unlock()
	const name = "SOFTHSM2_CONF"
	before, had := os.LookupEnv(name)
	if err := os.Setenv(name, conf); err != nil {
		return fmt.Errorf("name SoftHSM configuration: %w", err)
	}
	defer func() {
		if had {
			os.Setenv(name, before)
		} else {
			os.Unsetenv(name)
		}
	}()
	return fn()
}

// replaceFile writes a file whole or not at all, whatever happens to the process or
// the machine; another process may be reading it.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
