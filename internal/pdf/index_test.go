package pdf

import (
	"math/rand/v2"
	"testing"
)

// An index says what walking through the revisions says, for numbers that lie close and for such that do not.
func TestIndex(t *testing.T) {
	for _, spread := range []uint32{1, 3, 1000} {
		r := rand.New(rand.NewPCG(uint64(spread), 1))
		f := &File{revs: make([]revision, fewRevisions+12)}
		for i := range f.revs {
			for num := range uint32(40) {
				if r.IntN(3) == 0 {
					f.revs[i].entries = append(f.revs[i].entries, entry{num: num * spread, off: r.Uint64(), kind: InUse})
				}
			}
		}
		indexed := &File{revs: f.revs, index: newIndex(f.revs)}
		if dense := indexed.index.starts != nil; dense != (spread < 1000) {
			t.Errorf("numbers %d apart: starts %v", spread, dense)
		}
		for i := range f.revs {
			for num := range 45 * spread {
				want, wantOK := f.View(i).entry(num)
				if got, ok := indexed.View(i).entry(num); ok != wantOK || got != want {
					t.Fatalf("numbers %d apart, revision %d, %d: %v %v, not %v %v", spread, i, num, got, ok, want, wantOK)
				}
			}
		}
	}
	if x := newIndex(make([]revision, fewRevisions+1)); x == nil {
		t.Error("no index")
	} else if _, ok := x.newest(0, 3); ok {
		t.Error("an entry in an empty file")
	}
}
