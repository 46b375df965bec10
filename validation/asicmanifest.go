package validation

import (
	"bytes"
	"fmt"

	"chop/internal/asic"
)

// An asicManifest is a manifest and what its references came to.
type asicManifest struct {
	name    string
	data    []byte
	files   []string   // that it names rightly
	verdict conclusion // on all of them
}

// readManifests reads the manifests of signatures and time-stamps, and checks the digests in
// them. Two for one file would each be what is signed.
func (c *container) readManifests() {
	c.manifests = map[string]*asicManifest{}
	for _, role := range []asic.Role{asic.Manifest, asic.ArchiveManifest} {
		for _, f := range c.Named(role) {
			m, err := asic.ParseManifest(c.ctx, f.Data)
			if err != nil {
				c.fault("%s: %v", f.Name, err)
				continue
			}
			of := c.Resolve(m.Signature)
			if of == "" {
				c.fault("%s: the signature or time-stamp %.100q is not there", f.Name, m.Signature)
				continue
			}
			if c.manifests[of] != nil {
				c.fault("%s: %s has two manifests", f.Name, of)
				continue
			}
			c.manifests[of] = c.checkManifest(f, m)
		}
	}
}

// checkManifest compares the digests: that a file is another is worse than that it is not
// there.
func (c *container) checkManifest(f asic.File, m *asic.ASiCManifest) *asicManifest {
	out := &asicManifest{name: f.Name, data: f.Data, verdict: pass()}
	for _, o := range m.Objects {
		name := c.Resolve(o.URI)
		var got conclusion
		switch sum := []byte(nil); {
		case name == "":
			got = undecided(SignedDataNotFound, "%s names %.100q, which is not there", f.Name, o.URI)
		default:
			if sum = c.digests[name].sum(o.Hash); sum == nil {
				got = undecided(CryptoConstraintsFailure, "%s: digest algorithm of %.100q", f.Name, o.URI)
			} else if !bytes.Equal(sum, o.Digest) {
				got = fail(HashFailure, "%s is not what %s says", name, f.Name)
			} else {
				got = pass()
				out.files = append(out.files, name)
			}
		}
		if out.verdict.passed() || out.verdict.ind == Indeterminate && got.ind == TotalFailed {
			out.verdict = got
		}
	}
	return out
}

// claimed reports whether a manifest is that of a signature or time-stamp.
func (c *container) claimed(manifest string) bool {
	for _, m := range c.manifests {
		if m.name == manifest {
			return true
		}
	}
	return false
}

// check is what a signature over the manifest asks of it.
func (m *asicManifest) check() *manifestCheck {
	return &manifestCheck{
		check: func() conclusion { return m.verdict },
		signed: func() []string {
			list := []string{"file " + m.name}
			for _, name := range m.files {
				if len(list) == maxTold {
					return append(list, fmt.Sprintf("and %d files more", len(m.files)-maxTold+1))
				}
				list = append(list, "file "+name)
			}
			return list
		},
	}
}

// maxTold is how many signed files are told of one signature.
const maxTold = 100
