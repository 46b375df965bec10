package pdf

import "fmt"

// findEnds sets End and Tail of each revision, and notes what lies about there.
// keyword is where the file's last startxref stands.
func (f *File) findEnds(keyword int64) error {
	for i := range f.revs {
		rev := &f.revs[i]
		from := rev.sections[len(rev.sections)-1].end
		to := f.size
		if i+1 < len(f.revs) {
			if next := f.revs[i+1].XRefOffset; next > from {
				to = next
			}
			if next := f.revs[i+1].XRefOffset; next < rev.XRefOffset {
				f.note(Anomaly{Kind: RevisionOrder, Revision: i + 1, Offset: next,
					Detail: fmt.Sprintf("its Prev leads forward, to byte %d", rev.XRefOffset)})
			}
		}
		own, err := f.findEnd(i, from, to)
		if err != nil {
			return err
		}
		if i > 0 && rev.End <= f.revs[i-1].End {
			f.note(Anomaly{Kind: RevisionOrder, Revision: i, Offset: rev.XRefOffset,
				Detail: "it ends before the revision that it builds on"})
		}
		if i == len(f.revs)-1 && own != keyword {
			f.note(Anomaly{Kind: SecondStartXRef, Revision: i, Offset: keyword,
				Detail: fmt.Sprintf("the last startxref is not that of the section at byte %d which it names", rev.XRefOffset)})
		}
	}
	return f.checkTail(f.revs[len(f.revs)-1].Tail)
}

// findEnd finds the startxref in [from, to) that names revision i's section, and the
// %%EOF after it. One that directly follows the section is taken even if it names
// another offset. It returns where the keyword stands, -1 if there is none.
func (f *File) findEnd(i int, from, to int64) (int64, error) {
	rev := &f.revs[i]
	p := f.parser(from, f.size)
	defer f.release(p)
	p.skipSpace()
	direct := p.offset()
	for at := from; ; {
		kw, err := f.find(at, to, "startxref")
		if err != nil {
			return 0, err
		}
		if kw < 0 {
			break
		}
		at = kw + int64(len("startxref"))
		p.seek(at)
		p.end = min(f.size, at+windowMin) // each of a million startxref could begin a long comment
		t, err := p.token()
		named := err == nil && t.kind == tokInt && f.leadsTo(t.i+f.shift, rev.XRefOffset)
		if !named && kw != direct {
			continue
		}
		if !named {
			f.note(Anomaly{Kind: WrongStartXRef, Revision: i, Offset: kw,
				Detail: fmt.Sprintf("the section before it is at byte %d", rev.XRefOffset)})
		}
		p.end = f.size
		f.readEOF(p, i)
		return kw, nil
	}
	rev.End, rev.Tail = from, from
	f.note(Anomaly{Kind: WrongStartXRef, Revision: i, Offset: from, Detail: "no startxref names the cross-reference section"})
	return -1, nil
}

// leadsTo reports whether an offset that the file states means the section.
func (f *File) leadsTo(stated, section int64) bool {
	at, ok := f.locate(stated)
	return ok && at == section
}

// readEOF sets the end of revision i after the number of its startxref has been read.
func (f *File) readEOF(p *parser, i int) {
	rev := &f.revs[i]
	end := p.offset()
	for c, ok := p.peek(); ok && isSpace(c); c, ok = p.peek() {
		p.pos++
	}
	if p.match("%%EOF") {
		end = p.offset()
	} else {
		p.seek(end)
		f.note(Anomaly{Kind: NoEOFMarker, Revision: i, Offset: end, Detail: "no %%EOF after startxref"})
	}
	rev.End = end
	if !p.match("\r\n") && !p.match("\n") {
		p.match("\r")
	}
	rev.Tail = p.offset()
}

// checkTail notes what follows the last revision. White space and zero bytes do not
// count: transports pad with them.
func (f *File) checkTail(from int64) error {
	w := newWindow(f.r, from, f.size)
	for {
		c, ok := w.next()
		if !ok {
			return w.err
		}
		if !isSpace(c) {
			f.note(Anomaly{Kind: TrailingBytes, Revision: len(f.revs) - 1, Offset: w.offset() - 1,
				Detail: fmt.Sprintf("%d bytes after the last revision's %%%%EOF", f.size-from)})
			return nil
		}
	}
}
