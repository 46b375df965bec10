package pdf

import (
	"cmp"
	"slices"
)

// fewRevisions is how many of them are looked through one by one.
const fewRevisions = 8

// An index finds the entry that holds for a number in a revision without walking
// through those before it: a hostile file has hundreds, and looks up millions.
type index struct {
	entries []indexed // by number, then by revision
	starts  []uint32  // where those of a number start, and of the next one; nil if most numbers have none
}

type indexed struct {
	num, rev uint32
	at       uint32 // the place in that revision's entries
}

// newIndex returns nil for few revisions.
func newIndex(revs []revision) *index {
	if len(revs) <= fewRevisions {
		return nil
	}
	n := 0
	for i := range revs {
		n += len(revs[i].entries)
	}
	x := &index{entries: make([]indexed, 0, n)}
	for i := range revs {
		for k, e := range revs[i].entries {
			x.entries = append(x.entries, indexed{e.num, uint32(i), uint32(k)})
		}
	}
	slices.SortFunc(x.entries, compareIndexed)
	if n > 0 && int64(x.entries[n-1].num) < 4*int64(n) {
		x.starts = make([]uint32, 0, x.entries[n-1].num+2)
		for i, e := range x.entries {
			for len(x.starts) <= int(e.num) {
				x.starts = append(x.starts, uint32(i))
			}
		}
		x.starts = append(x.starts, uint32(n))
	}
	return x
}

func compareIndexed(a, b indexed) int {
	if a.num != b.num {
		return cmp.Compare(a.num, b.num)
	}
	return cmp.Compare(a.rev, b.rev)
}

// newest returns the last revision up to rev that has an entry for num.
func (x *index) newest(num, rev uint32) (indexed, bool) {
	list := x.entries
	if x.starts != nil {
		if int64(num)+1 >= int64(len(x.starts)) {
			return indexed{}, false
		}
		list = list[x.starts[num]:x.starts[num+1]]
	}
	i, found := slices.BinarySearchFunc(list, indexed{num: num, rev: rev}, compareIndexed)
	if !found {
		i--
	}
	if i < 0 || list[i].num != num {
		return indexed{}, false
	}
	return list[i], true
}
