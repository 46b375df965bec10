package cades

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"chop/internal/cms"
	"chop/signer/pades"
)

// PrepareCounter prepares a counter-signature (RFC 5652, 11.4): a signature on the value of
// the one that target names, "signer 1", in the message r.Beside. It reaches B-LT; an archive
// timestamp of the signature that it is on covers it (Extend).
func PrepareCounter(r Request, target string) (*Document, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Level.AtLeast(pades.LevelLTA) {
		return nil, bad("a counter-signature reaches B-LT; extend the signature that it is on to B-LTA")
	}
	if len(r.In) > 0 || r.MIMEType != "" {
		return nil, bad("a counter-signature signs no file")
	}
	m, err := addable(r.Beside)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimPrefix(target, "signer "))
	if err != nil || n < 1 || n > len(m.SignerInfos) {
		return nil, bad("no signature %q, there are signer 1 to signer %d", target, len(m.SignerInfos))
	}
	si := m.SignerInfos[n-1]
	others, err := si.CounterSignatures()
	if err != nil {
		return nil, unfit("%w", err)
	}
	d := &Document{
		req: r, beside: m, counter: si, field: fmt.Sprintf("%s, counter-signature %d", field(n-1), len(others)+1),
		digest: sum(r.Identity.Hash(), si.Signature),
	}
	return d.prepare(nil)
}

func (d *Document) finishCounter(ctx context.Context, params cms.BuildParams) error {
	der, err := cms.BuildSigner(params)
	if err != nil {
		return err
	}
	d.counter.AddUnsigned(cms.OIDCounterSignature, der)
	list, err := d.counter.CounterSignatures()
	if err != nil {
		return err
	}
	c := list[len(list)-1]
	if err := d.beside.AddEvidence(params.Certificates, nil, nil); err != nil {
		return err
	}
	if _, err := d.extender(d.beside, c.SignerInfo).raise(ctx, d.req.Level); err != nil {
		return err
	}
	raised, err := c.MarshalSigner()
	if err != nil {
		return err
	}
	last := d.counter.UnsignedAttrs[len(d.counter.UnsignedAttrs)-1]
	if !bytes.Equal(last.Values[0], der) {
		return unfit("the counter-signature is not where it was put")
	}
	last.Values[0] = raised
	d.out, err = d.beside.Marshal()
	return err
}
