package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"chop/validation"
	"chop/validation/bundle"
)

// bundleFlags keep what a verdict rests on, and use it again.
type bundleFlags struct {
	Bundle   string `placeholder:"FILE.zip" help:"Write the document with the report and all evidence into one file, for --evidence; it is replaced whole or left alone."`
	Evidence string `placeholder:"FILE.zip" help:"Use the evidence of such a file. Without a document, judge the one in it."`
}

// input is the document to be judged, with what was given for it.
type input struct {
	name  string
	doc   io.ReaderAt
	size  int64
	given validation.Options
	close func() error
}

// open reads the bundle, if one is named, and opens the document.
func (c *validateCommand) open() (*input, error) {
	in := &input{name: c.File, close: func() error { return nil }}
	var err error
	if in.given.Detached, err = readDetached(c.Detached); err != nil {
		return nil, unusable(err, "")
	}
	if c.Evidence != "" {
		kept, err := readBundle(c.Evidence)
		if err != nil {
			return nil, unusable(err, "give a file that chop validate --bundle wrote")
		}
		m := kept.Material
		in.given.Certificates, in.given.CRLs, in.given.OCSPs = m.Certificates, m.CRLs, m.OCSPs
		if c.File == "" {
			in.name, in.doc, in.size = kept.Name, bytes.NewReader(kept.Document), int64(len(kept.Document))
			if len(in.given.Detached) == 0 {
				in.given.Detached = kept.Detached
			}
			return in, nil
		}
	}
	if c.File == "" {
		return nil, unusable(errors.New("validate: no document"), "name one, or a file with one by --evidence")
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return nil, unusable(err, "")
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, unusable(fmt.Errorf("validate %s: it is not a regular file", c.File), "check the path")
	}
	file, err := os.Open(c.File)
	if err != nil {
		return nil, unusable(err, "")
	}
	in.doc, in.size, in.close = file, info.Size(), file.Close
	return in, nil
}

// maxBundle is how large a bundle may be, in bytes.
const maxBundle = 1 << 30

func readBundle(path string) (*bundle.Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxBundle {
		return nil, fmt.Errorf("%s: it is not a regular file, or larger than %d bytes", path, maxBundle)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := bundle.Read(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// keep writes the bundle: shown is the report for programs, text that for people.
func (c *validateCommand) keep(in *input, report *validation.Report, shown any, text string) error {
	if in.size > maxDetached {
		return unusable(fmt.Errorf("validate %s: --bundle: larger than %d bytes", in.name, maxDetached), "keep the document and its evidence apart")
	}
	document := make([]byte, in.size)
	if n, err := in.doc.ReadAt(document, 0); int64(n) < in.size {
		return fmt.Errorf("read %s for the bundle: %w", in.name, err)
	}
	program, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	err = bundle.Write(&out, bundle.Bundle{
		Made: now(), Name: filepath.Base(in.name), Document: document, Detached: in.given.Detached, Material: *report.Material,
		Reports: []validation.File{{Name: "report.json", Content: program}, {Name: "report.txt", Content: []byte(text + "\n")}},
	})
	if err != nil {
		return err
	}
	return replaceFile(c.Bundle, c.File, out.Bytes())
}

// notItself refuses to write over the document that is judged.
func notItself(path, document string) error {
	made, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if judged, err := os.Stat(document); err == nil && os.SameFile(made, judged) {
		return unusable(fmt.Errorf("write %s: it is the document itself", path), "choose another name")
	}
	return nil
}

// replaceFile writes what a command makes of a document, which it does not replace.
func replaceFile(path, document string, data []byte) error {
	if err := notItself(path, document); err != nil {
		return err
	}
	f, err := createOut(path)
	if err != nil {
		return unusable(err, "check the path")
	}
	defer f.discard()
	return f.commit(data)
}
