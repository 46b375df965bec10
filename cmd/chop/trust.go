package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"

	"chop/policies"
	"chop/signer"
	"chop/signer/xades"
	"chop/validation"
	"chop/validation/trustlist"
)

// trustCommand is about trusted lists.
type trustCommand struct {
	Publish trustPublishCommand `cmd:"" help:"Write a trusted list (TS 119 612) and sign it with a department's seal."`
}

type trustPublishCommand struct {
	folderFlag
	Credential string `required:"" placeholder:"ID" help:"The seal's id (chop seal list)."`
	In         string `required:"" placeholder:"LIST.yaml" help:"What the list says."`
	Out        string `required:"" placeholder:"LIST.xml" help:"Where to write the list; it is replaced whole or left alone."`
}

// Help is shown by chop trust publish --help.
func (trustPublishCommand) Help() string {
	return `LIST.yaml has the operator and the services with their statuses, the newest first:

  sequence: 1
  territory: HK
  operator: Commissioner for Digital Policy
  scheme: Recognised certification authorities
  address: {street: 1 Example Road, locality: Hong Kong, country: HK, email: list@example.hk}
  information: https://example.hk/list
  rules: https://example.hk/rules
  notice: What the list is worth in law.
  next_update: 2026-12-01T00:00:00Z
  services:
    - provider: Harbour
      name: Harbour Issuing CA
      type: CA/PKC
      certificate: issuing-ca.pem
      statuses:
        - {status: withdrawn, from: 2026-08-01T00:00:00Z}
        - {status: granted, from: 2025-01-01T00:00:00Z}

Example:
  chop trust publish --dir data --credential 0199… --in list.yaml --out list.xml
  chop validate --trust list.xml --operator data/public/root.pem letter.pdf`
}

// listFile is LIST.yaml.
type listFile struct {
	Sequence  int       `yaml:"sequence"`
	Territory string    `yaml:"territory"`
	Operator  string    `yaml:"operator"`
	Scheme    string    `yaml:"scheme"`
	Info      string    `yaml:"information"`
	Rules     string    `yaml:"rules"`
	Notice    string    `yaml:"notice"`
	Next      time.Time `yaml:"next_update"`
	Address   struct {
		Street   string `yaml:"street"`
		Locality string `yaml:"locality"`
		Country  string `yaml:"country"`
		Email    string `yaml:"email"`
	} `yaml:"address"`
	Services []struct {
		Provider    string `yaml:"provider"`
		Name        string `yaml:"name"`
		Type        string `yaml:"type"`
		Certificate string `yaml:"certificate"`
		Statuses    []struct {
			Status string    `yaml:"status"`
			From   time.Time `yaml:"from"`
		} `yaml:"statuses"`
	} `yaml:"services"`
}

var errList = errors.New("list that cannot be published")

func (c *trustPublishCommand) Run(env *environment) (err error) {
	xml, err := readList(c.In)
	if err != nil {
		return unusable(err, "`chop trust publish --help` shows what the file has")
	}
	unsigned, err := os.CreateTemp(filepath.Dir(c.Out), ".list-*.xml")
	if err != nil {
		return unusable(err, "")
	}
	defer os.Remove(unsigned.Name())
	_, err = unsigned.Write(xml)
	if err := errors.Join(err, unsigned.Close()); err != nil {
		return err
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	service, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	err = service.SignXML(env.ctx, signer.XMLRequest{
		Credential: c.Credential, Level: "B-B", Operator: localActor(), In: unsigned.Name(), Out: c.Out, Packaging: xades.Enveloped, C14N: xades.C14N("exclusive"),
	})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: published", c.Out)
}

// readList makes the list's XML.
func readList(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file listFile
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	l := &trustlist.List{
		Version: 5, Sequence: file.Sequence, Territory: file.Territory, Operator: file.Operator, Scheme: file.Scheme, Issued: now().Truncate(time.Second), NextUpdate: file.Next,
		Type: "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/" + file.Territory + "list",
	}
	for _, one := range file.Services {
		certs, err := readCertificates([]string{filepath.Join(filepath.Dir(path), one.Certificate)})
		if err != nil {
			return nil, err
		}
		if len(one.Statuses) == 0 {
			return nil, fmt.Errorf("%w: service %q has no status", errList, one.Name)
		}
		s := trustlist.Service{Provider: one.Provider, Name: one.Name, Type: trustlist.TypePrefix + one.Type, Certificates: certs}
		for _, st := range one.Statuses {
			s.Statuses = append(s.Statuses, trustlist.Status{URI: trustlist.StatusPrefix + st.Status, From: st.From})
		}
		if !s.Issues() && !s.Stamps() {
			return nil, fmt.Errorf("%w: service %q is of type %q, where CA/PKC, CA/QC and TSA are known", errList, one.Name, one.Type)
		}
		l.Services = append(l.Services, s)
	}
	a := file.Address
	return trustlist.Marshal(l, trustlist.Scheme{
		Street: a.Street, Locality: a.Locality, Country: a.Country, Email: a.Email, InformationURI: file.Info, Rules: file.Rules, Notice: file.Notice,
	})
}

// maxList is how large a trusted list may be, in bytes.
const maxList = 64 << 20

// readTrust divides files into certificates and trusted lists, which must be signed by
// the operator. Read is how a file is read.
func readTrust(ctx context.Context, read func(string) ([]byte, error), files, operator []string) (anchors []*x509.Certificate, lists []*trustlist.List, err error) {
	certificates := func(file string) ([]*x509.Certificate, error) {
		data, err := read(file)
		if err != nil {
			return nil, err
		}
		certs, err := parseCertificates(data)
		if err != nil {
			return nil, fmt.Errorf("read certificates from %s: %w", file, err)
		}
		return certs, nil
	}
	var signers []*x509.Certificate
	for _, file := range operator {
		certs, err := certificates(file)
		if err != nil {
			return nil, nil, err
		}
		signers = append(signers, certs...)
	}
	for _, file := range files {
		data, err := read(file)
		if err != nil {
			return nil, nil, err
		}
		if !isList(data) {
			certs, err := certificates(file)
			if err != nil {
				return nil, nil, err
			}
			anchors = append(anchors, certs...)
			continue
		}
		if len(signers) == 0 {
			return nil, nil, fmt.Errorf("%s: %w: nobody is named", file, validation.ErrTrustList)
		}
		set, err := policies.Load()
		if err != nil {
			return nil, nil, err
		}
		suite, err := set.Suite("default")
		if err != nil {
			return nil, nil, err
		}
		l, err := validation.ReadTrustList(ctx, validation.Config{Suite: suite, Now: now}, data, signers)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		lists = append(lists, l)
	}
	return anchors, lists, nil
}

// readTrustFile reads a file of a size that a list has.
func readTrustFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxList {
		return nil, fmt.Errorf("%s: not a regular file, or larger than %d bytes", file, maxList)
	}
	return os.ReadFile(file)
}

// isList tells a list from certificates: it begins as XML does.
func isList(data []byte) bool {
	start := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 512)], []byte("\xef\xbb\xbf")), " \t\r\n")
	return bytes.HasPrefix(start, []byte("<"))
}
