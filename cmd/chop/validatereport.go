package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"chop/signer"
	"chop/signer/xades"
	"chop/validation"
	"chop/validation/eto"
	"chop/validation/reports"
)

// reportFlags write the report into files.
type reportFlags struct {
	Report     []string `placeholder:"FILE.EXT" help:"Write a report too: .txt for a person, .detailed.txt with every check, .json for programs, .pdf the same as pages with pictures of what was signed, .xml as ETSI TS 119 102-2 says. Repeatable; each is replaced whole or left alone."`
	Credential string   `placeholder:"ID" help:"With --dir and --report FILE.xml or FILE.pdf: the seal that signs it (chop seal list)."`
}

// form of a report, by how its file ends.
func reportForm(path string) (string, error) {
	switch ext := filepath.Ext(path); {
	case ext == ".txt" && filepath.Ext(path[:len(path)-len(ext)]) == ".detailed":
		return "detailed", nil
	case ext == ".txt", ext == ".json", ext == ".xml", ext == ".pdf":
		return ext[1:], nil
	}
	return "", unusable(fmt.Errorf("--report %s: the name says no form", path), "end it with .txt, .detailed.txt, .json, .pdf or .xml")
}

// check refuses what could not be written, before anything is judged. It says whether an XML report is wanted.
func (f reportFlags) check(dir string) (structured bool, err error) {
	sealed := false
	for _, path := range f.Report {
		form, err := reportForm(path)
		if err != nil {
			return false, err
		}
		structured = structured || form == "xml"
		sealed = sealed || form == "xml" || form == "pdf"
	}
	if f.Credential != "" && (dir == "" || !sealed) {
		return false, unusable(errors.New("--credential: there is nothing for the seal to sign"), "give --dir and --report FILE.xml or FILE.pdf with it")
	}
	return structured, nil
}

// writeReports writes them; shown is the one for programs.
func (c *validateCommand) writeReports(env *environment, in *input, report *validation.Report, verdicts []eto.Verdict, shown any) error {
	if len(c.Report) == 0 {
		return nil
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, io.NewSectionReader(in.doc, 0, in.size)); err != nil {
		return fmt.Errorf("digest %s: %w", in.name, err)
	}
	s := reports.Subject{Name: filepath.Base(in.name), SHA256: digest.Sum(nil), At: c.At, Report: report, ETO: verdicts}
	if s.At.IsZero() {
		s.At = now().Truncate(time.Second)
	}
	for _, path := range c.Report {
		form, err := reportForm(path)
		if err != nil {
			return err
		}
		var data []byte
		var text string
		switch form {
		case "txt":
			text, err = reports.Simple(s, c.Lang)
			data = []byte(text)
		case "detailed":
			text, err = reports.Detailed(s, c.Lang)
			data = []byte(text)
		case "json":
			data, err = json.MarshalIndent(shown, "", "  ")
			data = append(data, '\n')
		case "pdf":
			if s.Pictures == nil {
				pictures := reports.Draw(env.ctx, in.doc, in.size, report)
				s.Pictures = &pictures
			}
			data, err = reports.PDF(s, c.Lang)
		case "xml":
			data, err = reports.XML(s)
		}
		if err != nil {
			return err
		}
		if (form == "xml" || form == "pdf") && c.Credential != "" {
			err = c.sealReport(env, form, path, data)
		} else {
			err = replaceFile(path, c.File, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sealReport signs a report in XML or PDF, with the time and the evidence for later.
func (c *validateCommand) sealReport(env *environment, form, path string, data []byte) (err error) {
	if err := notItself(path, c.File); err != nil {
		return err
	}
	unsigned, err := os.CreateTemp(filepath.Dir(path), ".report-*."+form)
	if err != nil {
		return unusable(err, "check the path")
	}
	defer os.Remove(unsigned.Name())
	_, err = unsigned.Write(data)
	if err := errors.Join(err, unsigned.Close()); err != nil {
		return err
	}
	return folderFlag{Dir: c.Dir}.sealing(env, func(service *signer.Service) error {
		if form == "pdf" {
			return service.SignPDF(env.ctx, signer.PDFRequest{Credential: c.Credential, Operator: localActor(), In: unsigned.Name(), Out: path})
		}
		return service.SignXML(env.ctx, signer.XMLRequest{
			Credential: c.Credential, Operator: localActor(), In: unsigned.Name(), Out: path, Packaging: xades.Enveloped, C14N: xades.C14N("exclusive"),
		})
	})
}
