package trustlist

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func certificate(t testing.TB, name string) *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: day("2020-01-01"), NotAfter: day("2040-01-01"), SubjectKeyId: []byte{7}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

func sample(t testing.TB) (*List, Scheme) {
	return &List{
		Version: 5, Sequence: 3, Type: "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/HKlist", Territory: "HK", Operator: "Commissioner <& Co>", Scheme: "Recognised CAs",
		Issued: day("2026-03-01"), NextUpdate: day("2026-09-01"),
		Services: []Service{
			{"Example CA", "Issuing CA", TypeCAPKC, []*x509.Certificate{certificate(t, "Issuing CA")}, []Status{
				{StatusGranted, day("2025-06-01")}, {StatusWithdrawn, day("2024-01-01")}, {StatusGranted, day("2021-01-01")},
			}},
			{"Example CA", "Clock", TypeTSA, []*x509.Certificate{certificate(t, "Clock")}, []Status{{StatusRecognised, day("2021-01-01")}}},
			{"Another", "CA", TypeCAQC, []*x509.Certificate{certificate(t, "Another CA")}, []Status{{StatusWithdrawn, day("2022-01-01")}}},
		},
	}, Scheme{Street: "1 Example Road", Locality: "Hong Kong", Country: "HK", Email: "list@example.hk", InformationURI: "https://example.hk/list", Rules: "https://example.hk/rules", Notice: "Made up."}
}

func TestRoundTrip(t *testing.T) {
	l, s := sample(t)
	data, err := Marshal(l, s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(t.Context(), data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	same := cmp.Comparer(func(a, b *x509.Certificate) bool { return a.Equal(b) })
	if d := cmp.Diff(l, got, same); d != "" {
		t.Error(d)
	}
	if found := got.Find(l.Services[1].Certificates[0]); len(found) != 1 || found[0].Name != "Clock" || !found[0].Stamps() || found[0].Issues() {
		t.Errorf("found %+v", found)
	}
}

// Was the service approved at that time?
func TestHistory(t *testing.T) {
	l, _ := sample(t)
	for at, want := range map[string]bool{
		"2020-12-31": false, "2021-01-01": true, "2023-12-31": true, "2024-01-01": false, "2025-05-31": false, "2025-06-01": true, "2099-01-01": true,
	} {
		if got := l.Services[0].GrantedAt(day(at)); got != want {
			t.Errorf("%s: %v", at, got)
		}
	}
	if l.Services[2].GrantedAt(day("2023-01-01")) || l.Services[2].GrantedAt(day("2021-01-01")) {
		t.Error("a service that was withdrawn, or not there yet, is approved")
	}
	if l.Stale(day("2026-09-01")) || !l.Stale(day("2026-09-02")) {
		t.Error("the time of the next list")
	}
}

func TestRefused(t *testing.T) {
	l, s := sample(t)
	data, err := Marshal(l, s)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another document":       {"TrustServiceStatusList", "Other"},
		"another namespace":      {NS, "urn:x"},
		"a version of tomorrow":  {"<TSLVersionIdentifier>5<", "<TSLVersionIdentifier>7<"},
		"a status without time":  {"<StatusStartingTime>2025-06-01T00:00:00Z</StatusStartingTime>", ""},
		"a time that is none":    {"2025-06-01T00:00:00Z", "yesterday"},
		"two statuses":           {"<StatusStartingTime>2025", "<ServiceStatus>x</ServiceStatus><StatusStartingTime>2025"},
		"no base64":              {"<X509Certificate>", "<X509Certificate>!"},
		"nothing after the name": {"</TrustServiceStatusList>", ""},
	} {
		if _, err := Parse(t.Context(), []byte(strings.Replace(string(data), change[0], change[1], -1))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// A critical extension that nobody knows takes its service out, and no other.
	odd := strings.Replace(string(data), "<ServiceName>", `<ServiceInformationExtensions><Extension Critical="true"><Odd xmlns="urn:x"/></Extension></ServiceInformationExtensions><ServiceName>`, 1)
	if got, err := Parse(t.Context(), []byte(odd)); err != nil || len(got.Services) != 2 {
		t.Errorf("critical extension: %v, %+v", err, got)
	}
	if _, err := Marshal(&List{Operator: "x", Territory: "HK", Issued: day("2026-01-01")}, Scheme{}); !errors.Is(err, ErrFormat) {
		t.Errorf("no sequence number: %v", err)
	}
}

// FuzzParse: any bytes give a list or ErrFormat or ErrLimit, and no service is approved
// before its first status.
func FuzzParse(f *testing.F) {
	l, s := sample(f)
	data, err := Marshal(l, s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("<a/>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse(t.Context(), data)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrLimit) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, s := range got.Services {
			for _, st := range s.Statuses {
				if first := s.Statuses[len(s.Statuses)-1]; st.From.Before(first.From) {
					t.Errorf("%v is before the first, %v", st, first)
				}
			}
		}
	})
}
