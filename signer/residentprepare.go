package signer

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/signer/ledger"
	"chop/signer/pades"
)

// Limits of one signing, in bytes: what an approval page can show, and a few of them fit
// into memory.
const (
	MaxResidentDocument  = 20 << 20
	MaxResidentDocuments = 40 << 20
)

// Prepare checks that the resident may sign, prepares all documents, records the intent
// and asks the device. Without an error the state is waiting. With one the Signing may be
// there all the same: the device could not be asked, and Renew may.
func (r *Residents) Prepare(ctx context.Context, by Caller, q ResidentRequest) (*Signing, error) {
	account, err := uuid.Parse(by.Account)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no account id", ErrAccount, by.Account)
	}
	level, err := r.checkRequest(&q)
	if err != nil {
		return nil, err
	}
	m, err := r.eligible(ctx, account, q.Credential)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make signing id: %w", err)
	}
	g := &ledger.Signing{
		ID: id, Account: account, CredentialID: m.credential.ID, Certificate: m.certificate.SHA256,
		ServiceID: q.Service.ID, ServiceName: q.Service.Name, Policy: r.policy.Name, Level: string(level), Reason: q.Reason,
		Kind: q.DocumentKind, ReturnURL: q.Return, Place: by.Place, CreatedAt: r.c.Now(),
	}
	vault, err := r.newVault(ctx, g)
	if err != nil {
		return nil, err
	}
	docs, files, err := r.prepareAll(ctx, g, m, vault, q.Documents)
	if err != nil {
		return nil, err
	}
	lease := r.newLease()
	err = r.unlessOpen(ctx, m.credential.ID, func() error {
		return r.store.Insert(ctx, g, docs, files, lease, leaseTime, r.intent(g, docs, "signer.resident.prepare"))
	})
	if err != nil {
		return nil, err
	}
	return r.askAndShow(ctx, g.ID, m, docs, lease)
}

// checkRequest looks at everything that needs no database and no PDF.
func (r *Residents) checkRequest(q *ResidentRequest) (pades.Level, error) {
	bad := func(format string, args ...any) (pades.Level, error) {
		return "", fmt.Errorf("%w: %w", pades.ErrRequest, fmt.Errorf(format, args...))
	}
	if q.Level == "" {
		q.Level = r.policy.DefaultLevel
	}
	if !r.policy.Allows(q.Level) {
		return "", fmt.Errorf("%w: policy %q allows the levels %v, not %q", ErrPolicy, r.policy.Name, r.policy.Levels, q.Level)
	}
	if q.DocumentKind != "" {
		kind, err := r.c.Policies.Excluded(q.DocumentKind)
		switch {
		case errors.Is(err, policies.ErrUnknownPolicy):
			return bad("kind of document %q", q.DocumentKind)
		case err != nil:
			return "", err
		case kind.Blocked():
			return "", fmt.Errorf("%w: %s, item %d of Schedule 1", ErrExcluded, kind.Name, kind.Item)
		case !q.KindAcknowledged:
			return "", fmt.Errorf("%w: %s, item %d of Schedule 1", ErrAcknowledge, kind.Name, kind.Item)
		}
	}
	if err := (solecontrol.Service{ID: q.Service.ID, Name: q.Service.Name}).Check(); err != nil {
		return bad("service: %w", err)
	}
	if u, err := url.Parse(q.Return); err != nil || u.Host == "" || len(q.Return) > 2000 {
		return bad("return address")
	}
	if err := solecontrol.CheckText(q.Reason); err != nil || len(q.Reason) > 400 {
		return bad("reason")
	}
	if n := len(q.Documents); n < 1 || n > solecontrol.MaxDocuments {
		return bad("%d documents, 1 to %d are possible", n, solecontrol.MaxDocuments)
	}
	all := 0
	for i, d := range q.Documents {
		all += len(d.PDF)
		switch {
		case len(d.PDF) == 0:
			return bad("document %d is empty", i+1)
		case len(d.PDF) > MaxResidentDocument || all > MaxResidentDocuments:
			return "", fmt.Errorf("%w: a document has at most %d MB, all of them %d MB", pades.ErrLimit, MaxResidentDocument>>20, MaxResidentDocuments>>20)
		}
	}
	return pades.Level(q.Level), nil
}

// prepareAll prepares the documents and seals what was prepared.
func (r *Residents) prepareAll(ctx context.Context, g *ledger.Signing, m *residentMaterial, v *vault, in []ResidentDocument) ([]*ledger.Document, [][]byte, error) {
	select {
	case r.heavy <- struct{}{}:
		defer func() { <-r.heavy }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	docs, files := make([]*ledger.Document, len(in)), make([][]byte, len(in))
	for i, d := range in {
		var err error
		if docs[i], files[i], err = r.prepareOne(ctx, g, m, i, d); err != nil {
			return nil, nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		if files[i], err = v.seal(i, ledger.PreparedFile, files[i]); err != nil {
			return nil, nil, err
		}
	}
	return docs, files, nil
}

func (r *Residents) prepareOne(ctx context.Context, g *ledger.Signing, m *residentMaterial, number int, in ResidentDocument) (*ledger.Document, []byte, error) {
	out := pades.NewBuffer(make([]byte, 0, len(in.PDF)+len(in.PDF)/8+64<<10))
	doc, err := pades.Prepare(ctx, pades.Request{
		In: bytes.NewReader(in.PDF), Size: int64(len(in.PDF)), Out: out, Identity: m.identity, Level: pades.Level(g.Level),
		Timestamper: r.c.Timestamper, Evidence: r.c.Evidence, TokenSize: r.c.TokenSize, Time: r.c.Now(),
		Name: m.certificate.Certificate.Subject.CommonName, Reason: g.Reason,
		Field: in.Field, Visible: in.Place, Font: r.font,
	})
	if err != nil {
		return nil, nil, err
	}
	description, err := doc.State()
	if err != nil {
		return nil, nil, err
	}
	br := doc.ByteRange()
	_, dtbsr := doc.DTBSR()
	d := &ledger.Document{
		SigningID: g.ID, Number: number, Name: in.Name, WantField: in.Field, Field: doc.Field(),
		Size: int64(len(in.PDF)), PreparedSize: doc.Size(), ByteRange: br[:],
		Digest: doc.Digest(), Attributes: doc.SignedAttributes(), DTBSR: dtbsr, Description: description,
	}
	if in.Place != nil {
		if d.WantPlace, err = json.Marshal(in.Place); err != nil {
			return nil, nil, fmt.Errorf("note place: %w", err)
		}
	}
	if err := offered(r.policy, d).Check(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", pades.ErrRequest, err)
	}
	return d, out.Bytes(), nil
}

// offered is a document as the activation process shows it to the approval page.
func offered(p *policies.Signature, d *ledger.Document) *solecontrol.OfferDocument {
	return &solecontrol.OfferDocument{
		Name: d.Name, Type: solecontrol.TypePDF, Size: d.PreparedSize, Policy: p.OID, Hash: p.Hash,
		Attributes: d.Attributes, ByteRange: [4]int64(d.ByteRange),
	}
}

// intent is the audit event of documents that were prepared. Their names are not in it:
// they may say more of a person than the log may.
func (r *Residents) intent(g *ledger.Signing, docs []*ledger.Document, action string) audit.Event {
	return r.event(g, action, map[string]any{
		"credential": g.CredentialID.String(), "certificate_sha256": hex.EncodeToString(g.Certificate), "policy": g.Policy, "level": g.Level,
		"service": g.ServiceID, "kind": g.Kind, "documents": digestsOf(docs),
	})
}

// digestsOf are the documents as the log names them.
func digestsOf(docs []*ledger.Document) []map[string]string {
	list := make([]map[string]string, len(docs))
	for i, d := range docs {
		list[i] = map[string]string{"digest": hex.EncodeToString(d.Digest), "dtbsr": hex.EncodeToString(d.DTBSR)}
		if d.Signature != nil {
			list[i]["signature_sha256"] = hexSum(d.Signature)
		}
		if d.SignedSHA256 != nil {
			list[i]["file_sha256"] = hex.EncodeToString(d.SignedSHA256)
		}
	}
	return list
}

func (r *Residents) event(g *ledger.Signing, action string, detail map[string]any) audit.Event {
	return audit.Event{
		At: r.c.Now(), Actor: "resident:" + g.Account.String(), Role: "resident", Place: printable(g.Place), Action: action,
		Subject: "signing:" + g.ID.String(), Detail: detail,
	}
}
