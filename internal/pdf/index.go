package pdf

import (
	"cmp"
	"slices"
)

// fewRevisions is how many of them are looked through one by one.
const fewRevisions = 8

// An index finds the entry that holds for a number in a revision without walking
// through those before it: a hostile file has hundreds, and looks up millions.
type index []indexed

type indexed struct {
	num, rev uint32
	at       uint32 // the place in that revision's entries
}

// newIndex returns nil for few revisions.
func newIndex(revs []revision) index {
	if len(revs) <= fewRevisions {
		return nil
	}
	n := 0
	for i := range revs {
		n += len(revs[i].entries)
	}
	x := make(index, 0, n)
	for i := range revs {
		for k, e := range revs[i].entries {
			x = append(x, indexed{e.num, uint32(i), uint32(k)})
		}
	}
	slices.SortFunc(x, compareIndexed)
	return x
}

func compareIndexed(a, b indexed) int {
	if a.num != b.num {
		return cmp.Compare(a.num, b.num)
	}
	return cmp.Compare(a.rev, b.rev)
}

// newest returns the last revision up to rev that has an entry for num.
func (x index) newest(num, rev uint32) (indexed, bool) {
	i, found := slices.BinarySearchFunc(x, indexed{num: num, rev: rev}, compareIndexed)
	if !found {
		i--
	}
	if i < 0 || x[i].num != num {
		return indexed{}, false
	}
	return x[i], true
}
