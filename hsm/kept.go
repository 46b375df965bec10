package hsm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxTokenObject is far more than SoftHSM's token.object has, which is under a kilobyte.
const maxTokenObject = 1 << 20

// keepTokenObjects guards the file on which all of a SoftHSM token depends: softhsm/<token>/token.object, which holds the
// PINs' form of the key that encrypts all others. SoftHSM empties and rewrites it at each login; a process that is killed
// in that moment, or a machine that loses its power soon after, leaves it empty or cut, and with it every key of the
// token would be lost. So a copy lies beside, <token>.kept, of the last one that was whole (tokenobject.go), and takes the
// place of one that is not.
//
// The caller has the token's turn: nobody writes the file meanwhile. The copy is no more secret than the file.
func keepTokenObjects(dir string) error {
	store := filepath.Join(dir, "softhsm")
	tokens, err := os.ReadDir(store)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // loading the module says so
	}
	if err != nil {
		return fmt.Errorf("look after SoftHSM's tokens: %w", err)
	}
	for _, token := range tokens {
		if err := keepTokenObject(filepath.Join(store, token.Name(), "token.object"), filepath.Join(dir, token.Name()+".kept")); err != nil {
			return fmt.Errorf("look after SoftHSM's token %s: %w", token.Name(), err)
		}
	}
	return nil
}

func keepTokenObject(path, kept string) error {
	now, err := readBounded(path)
	if err != nil {
		return err
	}
	good, err := readBounded(kept)
	switch {
	case err != nil:
		return err
	case whole(now) && !bytes.Equal(now, good):
		return replaceFile(kept, string(now))
	case !whole(now) && whole(good):
		return replaceFile(path, string(good))
	}
	return nil // as it was; or nothing is whole, and the module says so
}

// readBounded reads a file; an absent one is empty.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTokenObject {
		return nil, fmt.Errorf("%s is no file of a token", path)
	}
	return os.ReadFile(path)
}
