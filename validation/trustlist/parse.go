package trustlist

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chop/internal/xmldsig"
)

// Limits on a list. The largest of the European ones have some hundred services.
const (
	maxBytes    = 64 << 20
	maxServices = 20_000
	maxHistory  = 200
)

type element = xmldsig.Element

// Parse reads a list. ErrFormat, ErrLimit.
func Parse(ctx context.Context, data []byte) (*List, error) {
	doc, err := xmldsig.Open(ctx, data, xmldsig.Limits{Size: maxBytes})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	root := doc.Root()
	if !xmldsig.Is(root, NS, "TrustServiceStatusList") {
		return nil, fmt.Errorf("%w: the document element is %s", ErrFormat, root.Name())
	}
	r := &reader{list: &List{}}
	r.scheme(r.child(root, "SchemeInformation"))
	if providers := r.optional(root, "TrustServiceProviderList"); providers != nil {
		for _, p := range xmldsig.Children(providers, NS, "TrustServiceProvider") {
			r.provider(p)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.list, nil
}

// A reader keeps the first thing that went wrong.
type reader struct {
	list *List
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
	}
}

// child is the one child of a name; optional is it, or nil.
func (r *reader) child(e *element, local string) *element {
	c := r.optional(e, local)
	if c == nil && e != nil {
		r.fail("%s has no %s", e.LocalName(), local)
	}
	return c
}

func (r *reader) optional(e *element, local string) *element {
	if e == nil {
		return nil
	}
	c, err := xmldsig.Child(e, NS, local)
	if err != nil {
		r.fail("%v", err)
	}
	return c
}

func (r *reader) text(e *element) string {
	if e == nil {
		return ""
	}
	s, err := xmldsig.Text(e)
	if err != nil {
		r.fail("%v", err)
	}
	return strings.TrimSpace(s)
}

func (r *reader) number(e *element) int {
	n, err := strconv.Atoi(r.text(e))
	if err != nil && e != nil {
		r.fail("%s is no number", e.LocalName())
	}
	return n
}

func (r *reader) time(e *element) time.Time {
	t, err := time.Parse(time.RFC3339, r.text(e))
	if err != nil && e != nil {
		r.fail("%s is no time", e.LocalName())
	}
	return t.UTC()
}

// name is the English name of several, or the first.
func (r *reader) name(e *element) string {
	if e == nil {
		return ""
	}
	first := ""
	for _, n := range xmldsig.Children(e, NS, "Name") {
		s := r.text(n)
		lang := n.GetAttributeNodeNS("lang", "http://www.w3.org/XML/1998/namespace")
		if lang != nil && strings.EqualFold(lang.Value(), "en") {
			return s
		}
		if first == "" {
			first = s
		}
	}
	return first
}

// scheme reads the scheme information (TS 119 612, 5.3).
func (r *reader) scheme(e *element) {
	l := r.list
	l.Version = r.number(r.child(e, "TSLVersionIdentifier"))
	if r.err == nil && l.Version != 5 && l.Version != 6 {
		r.fail("version %d, where 5 and 6 are known", l.Version)
	}
	l.Sequence = r.number(r.child(e, "TSLSequenceNumber"))
	l.Type = r.text(r.child(e, "TSLType"))
	l.Operator = r.name(r.child(e, "SchemeOperatorName"))
	l.Scheme = r.name(r.optional(e, "SchemeName"))
	l.Territory = r.text(r.optional(e, "SchemeTerritory"))
	l.Issued = r.time(r.child(e, "ListIssueDateTime"))
	next := r.child(e, "NextUpdate")
	if at := r.optional(next, "dateTime"); at != nil {
		l.NextUpdate = r.time(at)
	}
}

func (r *reader) provider(e *element) {
	provider := r.name(r.child(r.child(e, "TSPInformation"), "TSPName"))
	for _, s := range xmldsig.Children(r.child(e, "TSPServices"), NS, "TSPService") {
		if len(r.list.Services) >= maxServices {
			r.err = fmt.Errorf("%w: more than %d services", ErrLimit, maxServices)
		}
		if r.err != nil {
			return
		}
		r.service(provider, s)
	}
}

// service reads a service and its history (5.5, 5.6). One with a critical extension
// that is not known is left out: it could say that the entry means something else.
func (r *reader) service(provider string, e *element) {
	info := r.child(e, "ServiceInformation")
	s := Service{
		Provider: provider, Name: r.name(r.child(info, "ServiceName")),
		Type: r.text(r.child(info, "ServiceTypeIdentifier")), Statuses: []Status{r.status(info)},
	}
	s.Certificates = r.identity(r.child(info, "ServiceDigitalIdentity"))
	known := r.understood(info)
	if history := r.optional(e, "ServiceHistory"); history != nil {
		list := xmldsig.Children(history, NS, "ServiceHistoryInstance")
		if len(list) > maxHistory {
			r.err = fmt.Errorf("%w: %d statuses of one service", ErrLimit, len(list))
			return
		}
		for _, h := range list {
			s.Statuses = append(s.Statuses, r.status(h))
			if r.text(r.child(h, "ServiceTypeIdentifier")) != s.Type {
				known = false // it was another service then
			}
		}
	}
	slices.SortStableFunc(s.Statuses, func(a, b Status) int { return b.From.Compare(a.From) })
	if known {
		r.list.Services = append(r.list.Services, s)
	}
}

func (r *reader) status(e *element) Status {
	return Status{URI: r.text(r.child(e, "ServiceStatus")), From: r.time(r.child(e, "StatusStartingTime"))}
}

// identity reads the certificates. One that crypto/x509 refuses is left out: no path
// could lead to it.
func (r *reader) identity(e *element) []*x509.Certificate {
	if e == nil {
		return nil
	}
	var out []*x509.Certificate
	for _, id := range xmldsig.Children(e, NS, "DigitalId") {
		c := r.optional(id, "X509Certificate")
		if c == nil {
			continue
		}
		der, err := xmldsig.Bytes(c)
		if err != nil {
			r.fail("%v", err)
			return nil
		}
		if cert, err := x509.ParseCertificate(der); err == nil {
			out = append(out, cert)
		}
	}
	return out
}

// extensions are those that are known: what they say of single certificates, of expired
// ones, or of a successor takes no approval away.
var extensions = []string{"Qualifications", "AdditionalServiceInformation", "ExpiredCertsRevocationInfo", "TakenOverBy"}

func (r *reader) understood(info *element) bool {
	list := r.optional(info, "ServiceInformationExtensions")
	if list == nil {
		return true
	}
	for _, e := range xmldsig.Children(list, NS, "Extension") {
		critical, _ := xmldsig.Attr(e, "Critical")
		if critical != "true" && critical != "1" {
			continue
		}
		for _, c := range xmldsig.Elements(e) {
			if !slices.Contains(extensions, c.LocalName()) {
				return false
			}
		}
	}
	return true
}
