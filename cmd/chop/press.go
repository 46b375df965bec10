package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"chop/sealing"
	"chop/signer"
	"chop/signer/asic"
	"chop/signer/xades"
)

// authorizer answers the signer out of departments' book.
type authorizer struct{ book *sealing.Book }

func (a authorizer) Authorized(ctx context.Context, u signer.Use) error {
	return a.book.Authorized(ctx, sealing.Use{
		Batch: u.Authorization, Department: u.Department, Seal: u.Credential, Policy: u.Policy, Level: u.Level, Documents: u.Documents,
	})
}

// press puts seals on departments' documents, by way of files in a folder that nobody else reads.
type press struct {
	service *signer.Service
	folder  string
}

// newPress begins with an empty folder: what a killed one left there was never handed out.
func newPress(service *signer.Service, folder string) (*press, error) {
	work := filepath.Join(folder, "work")
	if err := os.RemoveAll(work); err != nil {
		return nil, fmt.Errorf("empty the sealing folder: %w", err)
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return nil, fmt.Errorf("make the sealing folder: %w", err)
	}
	return &press{service, work}, nil
}

func (p *press) Seal(ctx context.Context, j sealing.Job) ([]byte, error) {
	folder, err := os.MkdirTemp(p.folder, "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	// The document keeps its name: containers and detached signatures have it in them.
	for _, dir := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(folder, dir), 0o700); err != nil {
			return nil, err
		}
	}
	in, out := filepath.Join(folder, "in", j.Name), filepath.Join(folder, "out", "sealed")
	if err := os.WriteFile(in, j.Content, 0o600); err != nil {
		return nil, err
	}
	if err := p.sign(ctx, j, in, out); err != nil {
		switch {
		case ctx.Err() != nil:
			return nil, err
		case errors.Is(err, signer.ErrUnauthorized), errors.Is(err, signer.ErrCredentialNotFound), errors.Is(err, signer.ErrCredentialNotActive), errors.Is(err, signer.ErrCertificate), errors.Is(err, signer.ErrPolicy):
			return nil, fmt.Errorf("%w: %w", sealing.ErrRefused, err)
		case ofOneFile(err):
			return nil, fmt.Errorf("%w: %w", sealing.ErrRefused, err)
		}
		return nil, err
	}
	return os.ReadFile(out)
}

func (p *press) sign(ctx context.Context, j sealing.Job, in, out string) error {
	by := "operator:" + j.Operator
	switch j.Format {
	case "PDF":
		return p.service.SignPDF(ctx, signer.PDFRequest{Credential: j.Seal, Level: j.Level, Authorization: j.Batch, Operator: by, Reason: j.Reason, In: in, Out: out})
	case "XML":
		return p.service.SignXML(ctx, signer.XMLRequest{Credential: j.Seal, Level: j.Level, Authorization: j.Batch, Operator: by, In: in, Out: out, Packaging: xades.Enveloped})
	case "JSON":
		return p.service.SignJSON(ctx, signer.JSONRequest{Credential: j.Seal, Level: j.Level, Authorization: j.Batch, Operator: by, In: in, Out: out})
	case "CMS":
		return p.service.SignCMS(ctx, signer.CMSRequest{Credential: j.Seal, Level: j.Level, Authorization: j.Batch, Operator: by, In: in, Out: out})
	}
	return p.service.SignASiC(ctx, signer.ASiCRequest{Credential: j.Seal, Level: j.Level, Authorization: j.Batch, Operator: by, In: []string{in}, Out: out, Kind: asic.Simple, Form: "xades"})
}
