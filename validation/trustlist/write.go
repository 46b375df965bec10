package trustlist

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Scheme is what a list says of who publishes it, besides what List holds.
type Scheme struct {
	// Street, Locality and Country are the operator's address, Email its electronic one.
	Street, Locality, Country, Email string
	// InformationURI leads to what the scheme is; Rules to its rules.
	InformationURI, Rules string
	// Notice is the legal notice.
	Notice string
}

// Marshal writes a list to be signed: version 5 (TS 119 612, 5.2 to 5.6). Statuses are
// written newest first, the first as the current one.
func Marshal(l *List, s Scheme) ([]byte, error) {
	if l.Operator == "" || l.Territory == "" || l.Issued.IsZero() || l.Sequence < 1 {
		return nil, fmt.Errorf("%w: operator, territory, time of issue and a sequence number are wanted", ErrFormat)
	}
	w := &writer{}
	w.b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	w.open("TrustServiceStatusList", `xmlns="`+NS+`" TSLTag="http://uri.etsi.org/19612/TSLTag" Id="list"`)
	w.scheme(l, s)
	if len(l.Services) > 0 {
		w.open("TrustServiceProviderList", "")
		var done []string
		for _, first := range l.Services {
			if slices.Contains(done, first.Provider) {
				continue
			}
			done = append(done, first.Provider)
			w.provider(l, s, first.Provider)
		}
		w.close("TrustServiceProviderList")
	}
	w.close("TrustServiceStatusList")
	if _, err := Parse(context.Background(), []byte(w.b.String())); err != nil { // what we cannot read is not handed out
		return nil, err
	}
	return []byte(w.b.String()), nil
}

type writer struct {
	b     strings.Builder
	depth int
}

func (w *writer) open(name, attributes string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	fmt.Fprintf(&w.b, "%s<%s%s>\n", strings.Repeat("  ", w.depth), name, attributes)
	w.depth++
}

func (w *writer) close(name string) {
	w.depth--
	fmt.Fprintf(&w.b, "%s</%s>\n", strings.Repeat("  ", w.depth), name)
}

func (w *writer) text(name, attributes, value string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(value)) // a strings.Builder has no errors
	fmt.Fprintf(&w.b, "%s<%s%s>%s</%s>\n", strings.Repeat("  ", w.depth), name, attributes, escaped.String(), name)
}

// english is a text in a holder of its own, as most of a list's texts are.
func (w *writer) english(holder, name, value string) {
	w.open(holder, "")
	w.text(name, `xml:lang="en"`, value)
	w.close(holder)
}

func (w *writer) address(holder string, s Scheme) {
	w.open(holder, "")
	w.open("PostalAddresses", "")
	w.open("PostalAddress", `xml:lang="en"`)
	w.text("StreetAddress", "", s.Street)
	w.text("Locality", "", s.Locality)
	w.text("CountryName", "", s.Country)
	w.close("PostalAddress")
	w.close("PostalAddresses")
	w.english("ElectronicAddress", "URI", "mailto:"+s.Email)
	w.close(holder)
}

func (w *writer) scheme(l *List, s Scheme) {
	w.open("SchemeInformation", "")
	w.text("TSLVersionIdentifier", "", "5")
	w.text("TSLSequenceNumber", "", strconv.Itoa(l.Sequence))
	w.text("TSLType", "", l.Type)
	w.english("SchemeOperatorName", "Name", l.Operator)
	w.address("SchemeOperatorAddress", s)
	w.english("SchemeName", "Name", l.Scheme)
	w.english("SchemeInformationURI", "URI", s.InformationURI)
	w.text("StatusDeterminationApproach", "", "http://uri.etsi.org/TrstSvc/TrustedList/StatusDetn/"+l.Territory+"determination")
	w.english("SchemeTypeCommunityRules", "URI", s.Rules)
	w.text("SchemeTerritory", "", l.Territory)
	w.english("PolicyOrLegalNotice", "TSLLegalNotice", s.Notice)
	w.text("HistoricalInformationPeriod", "", "65535")
	w.text("ListIssueDateTime", "", l.Issued.UTC().Format(time.RFC3339))
	w.open("NextUpdate", "")
	if !l.NextUpdate.IsZero() {
		w.text("dateTime", "", l.NextUpdate.UTC().Format(time.RFC3339))
	}
	w.close("NextUpdate")
	w.close("SchemeInformation")
}

func (w *writer) provider(l *List, s Scheme, name string) {
	w.open("TrustServiceProvider", "")
	w.open("TSPInformation", "")
	w.english("TSPName", "Name", name)
	w.address("TSPAddress", s)
	w.english("TSPInformationURI", "URI", s.InformationURI)
	w.close("TSPInformation")
	w.open("TSPServices", "")
	for _, one := range l.Services {
		if one.Provider == name && len(one.Statuses) > 0 {
			w.service(one)
		}
	}
	w.close("TSPServices")
	w.close("TrustServiceProvider")
}

func (w *writer) service(s Service) {
	w.open("TSPService", "")
	for i, st := range s.Statuses {
		holder := "ServiceInformation"
		if i == 1 {
			w.open("ServiceHistory", "")
		}
		if i > 0 {
			holder = "ServiceHistoryInstance"
		}
		w.open(holder, "")
		w.text("ServiceTypeIdentifier", "", s.Type)
		w.english("ServiceName", "Name", s.Name)
		w.open("ServiceDigitalIdentity", "")
		for _, c := range s.Certificates {
			w.open("DigitalId", "")
			if i == 0 {
				w.text("X509Certificate", "", base64.StdEncoding.EncodeToString(c.Raw))
			} else { // of history the key identifier is enough (5.6.3)
				w.text("X509SKI", "", base64.StdEncoding.EncodeToString(c.SubjectKeyId))
			}
			w.close("DigitalId")
		}
		w.close("ServiceDigitalIdentity")
		w.text("ServiceStatus", "", st.URI)
		w.text("StatusStartingTime", "", st.From.UTC().Format(time.RFC3339))
		w.close(holder)
	}
	if len(s.Statuses) > 1 {
		w.close("ServiceHistory")
	}
	w.close("TSPService")
}
