package pdf

import "fmt"

// An AnomalyKind names an oddity of a file's structure.
type AnomalyKind string

// Kinds that some honest software produces, but that let two readers see two
// documents. Before the first signature they tell little; in or after a signed
// revision they deserve suspicion.
const (
	// BytesBeforeHeader: %PDF- is not at byte 0; see File.HeaderOffset.
	BytesBeforeHeader AnomalyKind = "bytes before the header"
	// TrailingBytes: more than white space follows the last revision's %%EOF.
	TrailingBytes AnomalyKind = "bytes after the last revision"
	// NoEOFMarker: no %%EOF after a startxref.
	NoEOFMarker AnomalyKind = "no %%EOF"
	// MisplacedXRef: a cross-reference table is some bytes beside the stated offset.
	MisplacedXRef AnomalyKind = "misplaced cross-reference section"
	// NoRoot: an update's trailer does not name the catalog.
	NoRoot AnomalyKind = "trailer without Root"
	// ShortXRef: a section has fewer entries than it says.
	ShortXRef AnomalyKind = "short cross-reference section"
	// SizeTooSmall: objects have numbers that the trailer's Size rules out; a strict
	// reader takes them for null.
	SizeTooSmall AnomalyKind = "object number beyond Size"
	// WrongHeader: the object at an entry's offset has another number or generation.
	WrongHeader AnomalyKind = "wrong object at offset"
	// Unreadable: no object can be read where an entry leads.
	Unreadable AnomalyKind = "unreadable object"
	// BadStreamLength: Length does not lead to endstream.
	BadStreamLength AnomalyKind = "wrong stream length"
	// IntoEarlier: a revision's entry leads into the bytes of an earlier one, where the
	// object was not before. Hybrid files of some word processors do this.
	IntoEarlier AnomalyKind = "entry leads into an earlier revision"
	// HybridConflict: table and stream of a hybrid section differ on an object. Writers
	// that copy an older trailer with its XRefStm into an update cause it.
	HybridConflict AnomalyKind = "hybrid conflict"
	// WrongStartXRef: the startxref after a section names another place, or none is there.
	WrongStartXRef AnomalyKind = "wrong startxref"
)

// Kinds without an honest cause, or nearly so.
const (
	// SecondStartXRef: the last startxref leads to a section that has its own before,
	// so that a later revision is skipped.
	SecondStartXRef AnomalyKind = "second startxref"
	// RevisionOrder: Prev leads forward in the file.
	RevisionOrder AnomalyKind = "revisions out of order"
	// EntryTwice: one section has two different entries for an object.
	EntryTwice AnomalyKind = "two entries for one object"
	// DuplicateKey: a dictionary has a key twice.
	DuplicateKey AnomalyKind = "duplicate key"
	// BeyondRevision: a revision's entry leads to bytes after its own end: what it
	// showed was written, or can be changed, later.
	BeyondRevision AnomalyKind = "entry leads beyond its revision"
	// Unfinished: the limits ended the search for anomalies, so there may be others.
	Unfinished AnomalyKind = "search for anomalies not finished"
	// Overlap: two objects share bytes, or one lies in a cross-reference section; the
	// inside of a signature's Contents is a place to hide one.
	Overlap AnomalyKind = "overlapping objects"
)

// An Anomaly is an oddity of the file's structure that was tolerated when reading.
type Anomaly struct {
	Kind     AnomalyKind
	Revision int   // in which it is, or which brought it
	Offset   int64 // from the first byte of the file
	Ref      Ref   // zero if it is about no object
	Detail   string
}

func (a Anomaly) String() string {
	s := fmt.Sprintf("revision %d, byte %d", a.Revision, a.Offset)
	if !a.Ref.IsZero() {
		s += fmt.Sprintf(", object %d %d", a.Ref.Num, a.Ref.Gen)
	}
	return fmt.Sprintf("%s: %s: %s", s, a.Kind, a.Detail)
}

// notes keep anomalies, at most max of one kind in one place: so many harmless ones
// in an early revision cannot crowd out one that matters in a later.
type notes struct {
	max   int
	list  []noted
	count map[noteKey]int
}

type noted struct {
	Anomaly
	section int64 // in which it was found while opening; -1: Revision is set
}

type noteKey struct {
	kind  AnomalyKind
	place int64
}

func (n *notes) add(a Anomaly, section int64) {
	k := noteKey{a.Kind, section}
	if section < 0 {
		k.place = -1 - int64(a.Revision)
	}
	if n.count == nil {
		n.count = map[noteKey]int{}
	}
	if n.count[k]++; n.count[k] <= n.max {
		n.list = append(n.list, noted{a, section})
	}
}

// note keeps an anomaly found in the section that is being read, whose revision is
// not known yet.
func (f *File) note(a Anomaly) { f.notes.add(a, f.reading) }

func (f *File) noteDuplicate(key *Name, off int64, ref Ref) {
	if key != nil {
		f.note(Anomaly{Kind: DuplicateKey, Offset: off, Ref: ref, Detail: fmt.Sprintf("/%s", *key)})
	}
}

// Anomalies reads every object once and returns the oddities found there and while
// opening, in no order, and not more of one kind in one revision than
// Limits.Anomalies. Its time grows with the number of objects, not with the bytes of
// their streams. The first call does the work.
func (f *File) Anomalies() []Anomaly {
	return append([]Anomaly(nil), f.anomalies()...)
}
