package hsm

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// module is a PKCS#11 module loaded and initialised in this process.
type module struct {
	*pkcs11.Ctx
	cfg    *Config
	loaded time.Time

	signInit, signMake unsafe.Pointer // C_SignInit and C_Sign (signcall.go)
}

// CK_TOKEN_INFO.flags, PKCS#11 2.40, 3.2.
const (
	flagPINFinalTry = 0x00020000
	flagPINLocked   = 0x00040000
)

func loadModule(cfg *Config) (*module, error) {
	if _, err := os.Stat(cfg.Module); err != nil {
		return nil, fmt.Errorf("load PKCS#11 module: %w", err)
	}
	ctx := pkcs11.New(cfg.Module)
	if ctx == nil {
		return nil, fmt.Errorf("load PKCS#11 module %s: not a loadable module of this architecture", cfg.Module)
	}
	m := &module{Ctx: ctx, cfg: cfg, loaded: time.Now()}
	if err := m.findSign(); err != nil {
		ctx.Destroy()
		return nil, fmt.Errorf("load PKCS#11 module %s: %w", cfg.Module, err)
	}
	if err := m.initialize(); err != nil {
		ctx.Destroy()
		return nil, err
	}
	return m, nil
}

func (m *module) initialize() error {
	initialize := func() error { return m.Initialize() }
	var err error
	if m.cfg.SoftHSMDir != "" {
		err = withSoftHSMConf(m.cfg.SoftHSMDir, initialize)
	} else {
		err = initialize()
	}
	if err != nil {
		if isCKR(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
			return fmt.Errorf("initialise %s: %w", m.cfg.Module, ErrModuleInUse)
		}
		return fmt.Errorf("initialise %s: %w", m.cfg.Module, explain(err))
	}
	return nil
}

// slot finds the one slot whose token carries the configured label.
func (m *module) slot() (uint, error) {
	slots, err := m.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("list slots: %w", explain(err))
	}
	var found []uint
	var flags uint
	for _, slot := range slots {
		info, err := m.GetTokenInfo(slot)
		if isCKR(err, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED) {
			continue // another slot's token left since the list was made
		}
		if err != nil {
			return 0, fmt.Errorf("read token in slot %d: %w", slot, explain(err))
		}
		// Labels are padded with blanks; a module may add a zero byte.
		if strings.TrimRight(info.Label, " \x00") == m.cfg.Label && info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 {
			found, flags = append(found, slot), info.Flags
		}
	}
	switch {
	case len(found) == 0:
		return 0, fmt.Errorf("find token %q: %w", m.cfg.Label, ErrTokenAbsent)
	case len(found) > 1:
		return 0, fmt.Errorf("find token %q: %d tokens carry this label", m.cfg.Label, len(found))
	case flags&flagPINLocked != 0:
		return 0, fmt.Errorf("token %q: the PIN is locked: %w", m.cfg.Label, ErrPIN)
	case flags&flagPINFinalTry != 0:
		// A machine must not spend a person's last try.
		return 0, fmt.Errorf("token %q: one more wrong PIN locks it; log in once by hand: %w", m.cfg.Label, ErrPIN)
	}
	return found[0], nil
}

// unload finalises the module, which closes every session of this process.
func (m *module) unload() error {
	err := m.Finalize()
	if isCKR(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
		err = nil
	}
	m.Destroy()
	if err != nil {
		return fmt.Errorf("finalise %s: %w", m.cfg.Module, err)
	}
	return nil
}
