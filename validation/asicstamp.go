package validation

import (
	"bytes"
	"fmt"
	"slices"

	"chop/internal/asic"
	"chop/internal/cms"
)

// simpleStamp is the time-stamp of an ASiC-S over its data object (4.3.3.2).
const simpleStamp = "META-INF/timestamp.tst"

// A containerStamp is a time-stamp token in a file of the container.
type containerStamp struct {
	name    string
	err     error // it cannot be read
	token   *cms.TimestampToken
	over    conclusion // whether it is over what it should be
	files   []string   // that it is over
	covered map[string]bool
}

// readStamps reads the time-stamps, and checks what they are over: their manifest and the
// files that it names, or in an ASiC-S the data object.
func (c *container) readStamps() {
	for _, f := range c.Named(asic.Timestamp) {
		s := &containerStamp{name: f.Name, covered: map[string]bool{}}
		c.stamps = append(c.stamps, s)
		if s.token, s.err = cms.ParseTimestampToken(f.Data); s.err != nil {
			continue
		}
		data := c.Named(asic.Data)
		manifest := c.manifests[f.Name]
		switch {
		case manifest != nil:
			if s.over = c.imprint(s, manifest.name); s.over.passed() {
				s.over = manifest.verdict
			}
			s.files = append(slices.Clone(manifest.files), manifest.name)
		case f.Name == simpleStamp && len(data) == 1:
			s.over = c.imprint(s, data[0].Name)
			s.files = []string{data[0].Name}
		default:
			s.over = undecided(SignedDataNotFound, "no manifest says what %s is over", f.Name)
		}
		if s.over.passed() {
			for _, name := range s.files {
				s.covered[name] = true
			}
		}
	}
}

func (c *container) imprint(s *containerStamp, name string) conclusion {
	sum := c.digests[name].sum(s.token.Info.HashAlgorithm)
	if sum == nil {
		return undecided(CryptoConstraintsFailure, "hash algorithm %v of the imprint", s.token.Info.HashOID)
	}
	if !bytes.Equal(sum, s.token.Info.Imprint) {
		return fail(HashFailure, "the imprint is not that of %s", name)
	}
	return pass()
}

// over lists the time-stamps over a whole file, in the order of their times.
func (c *container) over(name string) []*outerStamp {
	var list []*outerStamp
	for _, s := range c.stamps {
		if s.token != nil && s.covered[name] {
			list = append(list, &outerStamp{
				TimestampToken: s.token, name: s.name,
				covers: func(name string) bool { return s.covered[name] },
			})
		}
	}
	byTime(list)
	return list
}

// judgeStamps judges the time-stamps, each with the help of those over it.
func (c *container) judgeStamps() error {
	for _, s := range c.stamps {
		if s.err != nil {
			if err := c.unreadable(s.name, FormatTimestamp, s.err); err != nil {
				return err
			}
			continue
		}
		row, err := c.judgeStamp(s)
		if err != nil {
			return err
		}
		if err := c.add(row, s.files); err != nil {
			return err
		}
	}
	return nil
}

// beside is what a time-stamp's imprint comes to. One that is over something else fails
// where it is all that the container has; beside signatures and other time-stamps it is one
// that dates nothing, as an archive time-stamp in a signature is.
func (c *container) beside(s *containerStamp) conclusion {
	if s.over.ind == TotalFailed && len(c.rows)+len(c.stamps) > 1 {
		return undecided(SigConstraintsFailure, "%s", s.over.why)
	}
	return s.over
}

func (c *container) judgeStamp(s *containerStamp) (Signature, error) {
	if err := c.ctx.Err(); err != nil {
		return Signature{}, fmt.Errorf("validate: %w", err)
	}
	r := c.v.newRun(c.ctx, c.o, c.fetches)
	subject := &subject{field: s.name, format: FormatTimestamp, claimed: &s.token.Info.GenTime, verdict: verdict{result: pass(), best: r.now}}
	l := &subject.checks
	l.conclude("FC", pass(), "format of "+subject.format)
	if over := c.beside(s); !over.passed() {
		subject.result = l.conclude("CV", over, "")
		return subject.row(), nil
	}
	l.conclude("CV", pass(), "imprint")
	// As a signature without archive time-stamps of its own has it, with this one as what
	// they are over.
	chain := &cadesSignature{outer: c.over(s.name)}
	r.gatherMessage(s.token.SignedData, s.token.Signer, 0)
	for i, o := range chain.outer {
		r.gatherMessage(o.SignedData, o.Signer, chain.outerPlace(i))
	}
	// The evidence may lie in the signatures beside it (EN 319 162-1, 4.4.3.2).
	for _, f := range c.Named(asic.CAdES) {
		m, err := openCMS(f.Data)
		if err != nil {
			continue // which its own row says
		}
		place := placeAmong(chain.outer, f.Name)
		for _, e := range m.Elements() {
			r.gatherElement(e, place)
		}
	}
	r.addGiven(c.o)
	chain.archive(r)
	*l = append(*l, chain.checks...)
	t := &token{TimestampToken: s.token}
	r.judgeToken(t, l)
	subject.cert, subject.trail = t.cert, t.trail
	by := ""
	if t.cert != nil {
		by = " by " + name(t.cert)
	}
	subject.settle(l.conclude("XCV", t.conclusion, "time-stamp of "+stamp(s.token.Info.GenTime)+by))
	if subject.result.passed() {
		subject.best, subject.proven = s.token.Info.GenTime, true
	}
	row := subject.row()
	for _, name := range s.files[:min(len(s.files), maxTold)] {
		row.Signed = append(row.Signed, "file "+name)
	}
	return row, nil
}
