package pdf

// Limits bound what a hostile file can make Open and its followers spend. A zero
// field takes the value of DefaultLimits.
type Limits struct {
	// Entries is the number of cross-reference entries of all sections together.
	// An entry takes 16 bytes of memory.
	Entries int
	// Sections is the number of cross-reference sections, which is what bounds the
	// /Prev chain and so the number of revisions.
	Sections int
	// Compared is the product of the two, on top of twice the file's size: what a
	// comparison of every revision with the one before has to look at. Compressed
	// cross-reference streams would otherwise make billions of a few hundred kilobytes.
	Compared int64
	// Depth is how deep arrays and dictionaries may nest.
	Depth int
	// ObjectBytes is the length of one object in the file, stream data excepted.
	ObjectBytes int64
	// Elements is the number of values in one object, at all depths together.
	Elements int
	// Decoded is the length of one stream after its filters.
	Decoded int64
	// DecodedTotal is what all streams of one File may decode to together. It bounds
	// the time that a file of many small bombs can take.
	DecodedTotal int64
	// ParsedTotal is how many bytes all objects read in one File may take together, on
	// top of sixteen times the file's size; reading one counts as 32 bytes more. A
	// million references to one huge object are what it stops.
	ParsedTotal int64
	// Scan is how many bytes may be searched for misplaced keywords (endstream,
	// startxref) in one File, on top of four times the file's size.
	Scan int64
	// Nodes is the number of nodes visited in one walk of the page or field tree.
	Nodes int
	// Anomalies is how many anomalies of one kind are kept of one revision.
	Anomalies int
}

// DefaultLimits returns limits that honest files of some hundred megabytes and a
// million objects stay under.
func DefaultLimits() Limits {
	return Limits{
		Entries:      1 << 20,
		Sections:     256,
		Compared:     4 << 20,
		Depth:        100,
		ObjectBytes:  16 << 20,
		Elements:     1 << 20,
		Decoded:      64 << 20,
		DecodedTotal: 512 << 20,
		ParsedTotal:  128 << 20,
		Scan:         16 << 20,
		Nodes:        1 << 20,
		Anomalies:    16,
	}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Entries <= 0 {
		l.Entries = d.Entries
	}
	if l.Sections <= 0 {
		l.Sections = d.Sections
	}
	if l.Compared <= 0 {
		l.Compared = d.Compared
	}
	if l.Depth <= 0 {
		l.Depth = d.Depth
	}
	if l.ObjectBytes <= 0 {
		l.ObjectBytes = d.ObjectBytes
	}
	if l.Elements <= 0 {
		l.Elements = d.Elements
	}
	if l.Decoded <= 0 {
		l.Decoded = d.Decoded
	}
	if l.DecodedTotal <= 0 {
		l.DecodedTotal = d.DecodedTotal
	}
	if l.ParsedTotal <= 0 {
		l.ParsedTotal = d.ParsedTotal
	}
	if l.Scan <= 0 {
		l.Scan = d.Scan
	}
	if l.Nodes <= 0 {
		l.Nodes = d.Nodes
	}
	if l.Anomalies <= 0 {
		l.Anomalies = d.Anomalies
	}
	return l
}
