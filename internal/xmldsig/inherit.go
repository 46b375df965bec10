package xmldsig

import (
	"regexp"
	"slices"
	"strings"

	"github.com/lestrrat-go/helium"
)

// inherit adds the xml: attributes of omitted ancestors to an element whose parent is
// not in the set. Canonical XML 1.0, 2.4, takes the nearest of each; 1.1 of xml:lang and
// xml:space only, leaves xml:id where it is and joins xml:base.
func (c *canonicalizer) inherit(e *Element, list []attribute) []attribute {
	own := map[string]bool{}
	e.ForEachAttribute(func(a *helium.Attribute) bool {
		if a.URI() == nsXML {
			own[a.LocalName()] = true
		}
		return true
	})
	for p := Parent(e); p != nil; p = Parent(p) {
		p.ForEachAttribute(func(a *helium.Attribute) bool {
			c.does(1)
			if a.URI() != nsXML || own[a.LocalName()] {
				return true
			}
			if c.uri == C14N11 && a.LocalName() != "lang" && a.LocalName() != "space" {
				return true
			}
			own[a.LocalName()] = true
			list = append(list, attribute{a.Name(), nsXML, a.LocalName(), a.Value()})
			return true
		})
	}
	if c.uri == C14N11 {
		list = c.fixBase(e, list)
	}
	return list
}

// fixBase makes xml:base say what it said before the ancestors between e and its nearest
// output ancestor were omitted: joined from the innermost outwards (Canonical XML 1.1, 2.4).
// Without one on an omitted ancestor, e's own stays as it is.
func (c *canonicalizer) fixBase(e *Element, list []attribute) []attribute {
	joined, fixed := "", false
	for n := e; n != nil && (n == e || e == c.top || !c.in(n)); n = Parent(n) {
		a := n.GetAttributeNodeNS("base", nsXML)
		switch {
		case a == nil:
			continue
		case joined == "":
			joined = a.Value()
		default:
			joined = joinURI(a.Value(), joined)
			c.does(len(joined))
		}
		fixed = fixed || n != e
	}
	if !fixed && joined == "" {
		return list
	}
	list = slices.DeleteFunc(list, func(a attribute) bool { return a.uri == nsXML && a.local == "base" })
	if joined == "" {
		return list
	}
	return append(list, attribute{"xml:base", nsXML, "base", joined})
}

// uriParts is the expression of RFC 3986, appendix B.
var uriParts = regexp.MustCompile(`^(([^:/?#]+):)?(//([^/?#]*))?([^?#]*)(\?([^#]*))?(#(.*))?`)

// joinURI is RFC 3986, 5.2, as Canonical XML 1.1, 2.4, changes it: the base may be
// relative itself, its fragment is dropped, and leading ".." segments are kept.
func joinURI(base, ref string) string {
	b, r := uriParts.FindStringSubmatch(base), uriParts.FindStringSubmatch(ref)
	scheme, authority, path, query := b[1], b[3], b[5], b[6]
	switch {
	case r[1] != "":
		scheme, authority, path, query = r[1], r[3], r[5], r[6]
	case r[3] != "":
		authority, path, query = r[3], r[5], r[6]
	case r[5] == "":
		if r[6] != "" {
			query = r[6]
		}
	case strings.HasPrefix(r[5], "/"):
		path, query = r[5], r[6]
	default:
		if path == ".." || strings.HasSuffix(path, "/..") {
			path += "/"
		}
		switch {
		case b[3] != "" && path == "":
			path = "/" + r[5]
		default:
			path = path[:strings.LastIndexByte(path, '/')+1] + r[5]
		}
		query = r[6]
	}
	return scheme + authority + withoutDots(path) + query
}

func withoutDots(path string) string {
	absolute := strings.HasPrefix(path, "/")
	var kept []string
	folder := false // the path ends in a slash
	segments := strings.Split(path, "/")
	for i, s := range segments {
		folder = i == len(segments)-1 && (s == "" || s == "." || s == "..")
		switch {
		case s == "" || s == ".":
		case s != "..":
			kept = append(kept, s)
		case len(kept) > 0 && kept[len(kept)-1] != "..":
			kept = kept[:len(kept)-1]
		case !absolute:
			kept = append(kept, s)
		}
	}
	out := strings.Join(kept, "/")
	if folder && out != "" {
		out += "/"
	}
	if absolute {
		out = "/" + out
	}
	return out
}
