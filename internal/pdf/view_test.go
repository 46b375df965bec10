package pdf

import (
	"runtime"
	"testing"
)

// TestManySmallRevisions: one big section among many small ones is copied a few times,
// not once for each of them.
func TestManySmallRevisions(t *testing.T) {
	const big, small = 100_000, 1000
	f := &File{revs: make([]revision, small)}
	for i := range f.revs {
		f.revs[i].entries = []entry{{num: 1, kind: InUse, off: uint64(i)}}
	}
	middle := make([]entry, big)
	for i := range middle {
		middle[i] = entry{num: uint32(i), kind: InUse, off: 7}
	}
	f.revs[small/2].entries = middle
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	all := f.Latest().all()
	runtime.ReadMemStats(&after)
	if len(all) != big || all[0].off != 7 || all[1].off != small-1 {
		t.Errorf("%d entries, that of object 1 at byte %d", len(all), all[1].off)
	}
	const size = big * 16 // see Limits.Entries
	if n := after.TotalAlloc - before.TotalAlloc; n > 30*size {
		t.Errorf("%d bytes were allocated to join %d revisions with %d bytes of entries", n, small, size)
	}
}
