package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"chop/hsm"
	"chop/signer"
	"chop/signer/pades"
)

// sign is the part about signing a PDF of 100 KB with a wrapped P-256 key: the engine alone, then the whole
// service with its record, audit and own validation, beside the bare token at the same number of callers.
func (b *bench) sign(ctx context.Context) error {
	file := filepath.Join(b.dir, "100k.pdf")
	if err := writeLargePDF(file, 100<<10); err != nil {
		return err
	}
	engine, err := b.engine(ctx, file)
	if err != nil {
		return err
	}
	service := func(level string) func() (float64, error) {
		var n atomic.Int64
		return func() (float64, error) {
			// A folder a round, which stays until the end of the run: a department keeps what it signs. Some file
			// systems are slow at making files where others were deleted in the last minutes: ext4 without a
			// journal looks at each of them again for each new file.
			dir, err := os.MkdirTemp(b.dir, level)
			if err != nil {
				return 0, err
			}
			return b.rate(ctx, func(ctx context.Context) error {
				return b.signFile(ctx, level, file, filepath.Join(dir, fmt.Sprintf("%d.pdf", n.Add(1))))
			})
		}
	}
	rates, ratios, err := b.inTurns(
		func() (float64, error) { return b.raw(ctx, "use", hsm.P256) },
		func() (float64, error) { return b.rate(ctx, engine) }, service("B-B"), service("B-T"))
	if err != nil {
		return err
	}
	const beside = "raw unwrap + sign + destroy"
	b.add(benchRow{Name: fmt.Sprintf("%s, %d callers", beside, b.Callers), Value: rates[0], Unit: "/s"})
	b.add(benchRow{Name: "signing engine alone, 100 KB at B-B (no database)", Value: rates[1], Unit: "/s", Ratio: ratios[1], Beside: beside, Goal: 0.6})
	b.add(benchRow{Name: "whole service, 100 KB at B-B (record, audit, validation)", Value: rates[2], Unit: "/s", Ratio: ratios[2], Beside: beside, Goal: 0.35})
	b.add(benchRow{Name: "whole service, 100 KB at B-T", Value: rates[3], Unit: "/s", Ratio: ratios[3], Beside: beside})
	return nil
}

// signFile signs with the bench's own seal, through the whole service.
func (b *bench) signFile(ctx context.Context, level, in, out string) error {
	credential, err := b.seal(ctx)
	if err != nil {
		return err
	}
	service, err := b.app.sealing(ctx)
	if err != nil {
		return err
	}
	return service.SignPDF(ctx, signer.PDFRequest{Credential: credential, Level: level, Operator: localActor(), In: in, Out: out})
}

// engine returns one run of Prepare, vault and Finish over file.
func (b *bench) engine(ctx context.Context, file string) (func(context.Context) error, error) {
	token, err := b.app.tokens.get(ctx, roleSeals)
	if err != nil {
		return nil, err
	}
	vault, err := token.Vault(ctx, kekSeals)
	if err != nil {
		return nil, err
	}
	wrapped, identity, err := b.engineKey(ctx, vault)
	if err != nil {
		return nil, err
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		out := new(memoryFile)
		doc, err := pades.Prepare(ctx, pades.Request{In: in, Size: info.Size(), Out: out, Identity: identity, Level: pades.LevelB, Time: now()})
		if err != nil {
			return err
		}
		var signature []byte
		err = vault.Use(ctx, wrapped, func(key crypto.Signer) error {
			_, dtbsr := doc.DTBSR()
			signature, err = key.Sign(rand.Reader, dtbsr, identity.SignerOpts())
			return err
		})
		if err != nil {
			return err
		}
		return doc.Finish(ctx, signature)
	}, nil
}

// memoryFile is a file in memory: the engine alone is measured without a disk.
type memoryFile struct{ data []byte }

func (m *memoryFile) Write(p []byte) (int, error) {
	m.data = append(m.data, p...)
	return len(p), nil
}

func (m *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m.data)) {
		return 0, io.ErrShortWrite
	}
	return copy(m.data[at:], p), nil
}

func (m *memoryFile) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, at)
}
