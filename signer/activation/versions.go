package activation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/google/uuid"
)

// versions remembers the highest version of a record, so that an old record with
// its old tag, put back into the database, is known for what it is. Versions 1
// (made) and 2 (active) are not kept: a record that goes back to one of them from
// the other cannot sign, or signs as it did. So the memory holds the credentials
// that were ever suspended, resumed or destroyed, or had a second certificate.
//
// The file is a list of 16 bytes UUID and 8 bytes version, appended to; what a
// crash cut short at its end is dropped.
type versions struct {
	mu   sync.Mutex
	high map[uuid.UUID]uint64
	file *os.File // nil: in memory only
}

const versionEntry = 16 + 8

func openVersions(path string) (*versions, error) {
	v := &versions{high: make(map[uuid.UUID]uint64)}
	if path == "" {
		return v, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open versions: %w", err)
	}
	var whole int64
	var entry [versionEntry]byte
	for {
		if _, err := io.ReadFull(f, entry[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		} else if err != nil {
			f.Close()
			return nil, fmt.Errorf("read versions: %w", err)
		}
		whole += versionEntry
		id := uuid.UUID(entry[:16])
		v.high[id] = max(v.high[id], binary.BigEndian.Uint64(entry[16:]))
	}
	if err := f.Truncate(whole); err != nil {
		f.Close()
		return nil, fmt.Errorf("repair versions: %w", err)
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("repair versions: %w", err)
	}
	v.file = f
	return v, nil
}

// raise remembers a version; it is on the disk when raise returns.
func (v *versions) raise(credential string, version uint64) error {
	if version <= 2 {
		return nil
	}
	id, err := uuid.Parse(credential)
	if err != nil {
		return fmt.Errorf("remember version: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.high[id] >= version {
		return nil
	}
	v.high[id] = version
	if v.file == nil {
		return nil
	}
	entry := binary.BigEndian.AppendUint64(append([]byte(nil), id[:]...), version)
	if _, err := v.file.Write(entry); err != nil {
		return fmt.Errorf("remember version: %w", err)
	}
	if err := v.file.Sync(); err != nil {
		return fmt.Errorf("remember version: %w", err)
	}
	return nil
}

// highest is what a record's version must not be under.
func (v *versions) highest(credential string) uint64 {
	id, err := uuid.Parse(credential)
	if err != nil {
		return 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.high[id]
}

func (v *versions) close() error {
	if v.file == nil {
		return nil
	}
	return v.file.Close()
}
