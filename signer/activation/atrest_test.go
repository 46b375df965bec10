package activation

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"chop/hsm"
	"chop/internal/solecontrol"
)

// loot is everything at rest: a dump of the database by its superuser, the token
// folder with its PIN and every key in the clear, the process's own files, its
// log, and all bytes that went over its sockets.
type loot struct {
	credential *credentialRow
	keys       []stolenKey
	pile       [][]byte // all of it, as it lies
}

func (r *rig) steal(p *person) *loot {
	t := r.t
	t.Helper()
	l := &loot{keys: stealToken(t, r.hsm.SoftHSMDir, r.hsm.PIN)}
	var err error
	if l.credential, err = r.service.store.credential(t.Context(), p.credential); err != nil {
		t.Fatal(err)
	}
	rows, err := r.cfg.DB.Pool.Query(t.Context(), `SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'activation'`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	for _, table := range tables {
		var dump []string
		rows, err := r.cfg.DB.Pool.Query(t.Context(), `SELECT t::text FROM activation.`+table+` t`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			dump = append(dump, text)
		}
		for _, text := range dump {
			l.pile = append(l.pile, []byte(text))
		}
	}
	for _, folder := range []string{r.hsm.SoftHSMDir, filepath.Dir(r.cfg.VersionsFile)} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			l.pile = append(l.pile, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range l.keys {
		l.pile = append(l.pile, k.value)
	}
	l.pile = append(l.pile, []byte(r.hsm.PIN), r.logged.bytes(), r.recorded.bytes())
	return l
}

var (
	base64Run = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)
	hexRun    = regexp.MustCompile(`[0-9a-f]{64,}`)
)

// candidates gives every 32 bytes of the loot that could be a secret: at each
// offset of what lies there, and of what is encoded in it (twice, since the
// sockets carry base64 in base64).
func (l *loot) candidates(each func([]byte) bool) bool {
	var walk func(b []byte, depth int) bool
	walk = func(b []byte, depth int) bool {
		for i := 0; i+32 <= len(b); i++ {
			if each(b[i : i+32]) {
				return true
			}
		}
		if depth == 3 {
			return false
		}
		for _, run := range base64Run.FindAll(b, -1) {
			run = run[:len(run)/4*4+min(len(run)%4, 3)]
			if d, err := base64.RawURLEncoding.DecodeString(string(run)); err == nil && walk(d, depth+1) {
				return true
			}
		}
		for _, run := range hexRun.FindAll(b, -1) {
			if d, err := hex.DecodeString(string(run[:len(run)/2*2])); err == nil && walk(d, depth+1) {
				return true
			}
		}
		return false
	}
	for _, b := range l.pile {
		if walk(b, 0) {
			return true
		}
	}
	return false
}

// open tries to open the seal by a secret, and by a seal key.
func (l *loot) open(t testing.TB) (wrapped []byte, tried int) {
	t.Helper()
	c := l.credential
	record, err := solecontrol.ParseRecord(c.Record)
	if err != nil {
		t.Fatal(err)
	}
	digest := solecontrol.BindingDigest(c.Binding)
	aad := append(bytes.Clone(digest[:]), byte(len(record.KEK)>>8), byte(len(record.KEK)))
	aad = append(aad, record.KEK...)
	aad = append(aad, byte(record.Mechanism>>24), byte(record.Mechanism>>16), byte(record.Mechanism>>8), byte(record.Mechanism))
	seen := make(map[[32]byte]bool)
	l.candidates(func(secret []byte) bool {
		if seen[[32]byte(secret)] {
			return false
		}
		seen[[32]byte(secret)] = true
		tried++
		if wrapped, err = solecontrol.OpenSeal(secret, c.Binding, record.KEK, record.Mechanism, c.Sealed); err == nil {
			return true
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err = aead.Open(nil, c.Sealed[:12], c.Sealed[12:], aad)
		return err == nil
	})
	return wrapped, tried
}

// privateKey is the resident's key itself, from a wrapped key and the stolen
// key-encryption key; nil if it does not open.
func (l *loot) privateKey(t testing.TB, wrapped []byte) *ecdsa.PrivateKey {
	t.Helper()
	// The blob ends with the wrapped PKCS #8, in a field with its length.
	for _, k := range l.keys {
		if k.label != "resident#1" {
			continue
		}
		for at := len(wrapped) - 24; at > 0; at-- {
			if int(wrapped[at-2])<<8|int(wrapped[at-1]) != len(wrapped)-at {
				continue
			}
			pkcs8, ok := unwrapKWP(k.value, wrapped[at:])
			if !ok {
				continue
			}
			key, err := x509.ParsePKCS8PrivateKey(pkcs8)
			if err != nil {
				t.Fatal(err)
			}
			return key.(*ecdsa.PrivateKey)
		}
	}
	return nil
}

// forge makes a signature outside of any process of the appliance.
func (l *loot) forge(t testing.TB, wrapped []byte, p *person) bool {
	t.Helper()
	key := l.privateKey(t, wrapped)
	if key == nil {
		return false
	}
	digest := sha256.Sum256([]byte("I owe you"))
	sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	return err == nil && ecdsa.VerifyASN1(p.certificate.PublicKey.(*ecdsa.PublicKey), digest[:], sig)
}

// secret is s, from the device itself: what a hostile approval page would learn.
func (r *rig) secret(p *person, l *loot) []byte {
	r.t.Helper()
	c, err := solecontrol.ParseBinding(l.credential.Binding)
	if err != nil {
		r.t.Fatal(err)
	}
	_, s, err := p.device.Get(r.cfg.RPID, r.origin, solecontrol.Digest{}, c.PasskeyID, c.PRFSalt[:])
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// Claim A. Whoever holds the database, its backups, the token's files with the
// PIN and every key in them in the clear, and all recorded traffic, has nothing
// that opens the seal. With s they sign at once: so it is s that they lack, and
// this test can fail.
func TestClaimA(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	r.signsNow(p)
	r.signsNow(p)
	l := r.steal(p)
	if len(l.keys) < 3 {
		t.Fatalf("%d keys were stolen", len(l.keys))
	}
	wrapped, tried := l.open(t)
	if wrapped != nil {
		t.Fatalf("the seal was opened from what lies at rest, after %d tries", tried)
	}
	t.Logf("%d candidates, none opens the seal", tried)
	if tried < 10_000 {
		t.Errorf("only %d candidates: the loot is not all of it", tried)
	}

	// The control: s in the pile, encoded as the worst page would send it.
	s := r.secret(p, l)
	l.pile = [][]byte{[]byte(`{"clientExtensionResults":{"prf":{"results":{"first":"` + solecontrol.Bytes(s).String() + `"}}}}`)}
	if wrapped, _ = l.open(t); wrapped == nil {
		t.Fatal("with s the seal does not open: the search would find nothing")
	}
	if !l.forge(t, wrapped, p) {
		t.Fatal("with s and the token's files no signature could be forged: the theft is not whole")
	}
}

// Recorded traffic and a stolen token do not give s: the keys that received it
// were never in the token, and are forgotten.
func TestAttackRecordedHPKE(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	o, a := r.approvalOf(p, m.Tx)
	key := r.service.inMemory(m.Tx).key // the control's: nobody at rest has it
	if err := p.page.Send(t.Context(), m.Tx, a); err != nil {
		t.Fatal(err)
	}
	l := r.steal(p)
	if !bytes.Contains(l.pile[len(l.pile)-1], []byte(a.Ciphertext.String())) {
		t.Fatal("the ciphertext is not among what was recorded")
	}
	challenge := solecontrol.ApprovalChallenge(a.Request)
	// As a private key: every 32 bytes of the token, the database and the files.
	tried := 0
	found := (&loot{pile: l.pile[:len(l.pile)-1]}).candidates(func(d []byte) bool {
		k, err := ecdh.P256().NewPrivateKey(d)
		if err != nil || tried > 200_000 {
			return false
		}
		tried++
		return bytes.Equal(k.PublicKey().Bytes(), o.HPKEKey)
	})
	if found {
		t.Fatal("the transaction's private key lies at rest")
	}
	t.Logf("%d candidates for the transaction's key", tried)
	if s, err := key.Open(solecontrol.ApprovalInfo(m.Tx), challenge[:], a.Enc, a.Ciphertext); err != nil || len(s) != 32 {
		t.Fatalf("the key itself does not open what was recorded: %v", err)
	}
	// For another request it opens nothing, nor for another transaction.
	other := challenge
	other[0] ^= 1
	if _, err := key.Open(solecontrol.ApprovalInfo(m.Tx), other[:], a.Enc, a.Ciphertext); !errors.Is(err, solecontrol.ErrSeal) {
		t.Errorf("another challenge: %v", err)
	}
	if _, err := key.Open(solecontrol.ApprovalInfo(solecontrol.NewID()), challenge[:], a.Enc, a.Ciphertext); !errors.Is(err, solecontrol.ErrSeal) {
		t.Errorf("another transaction: %v", err)
	}
	if t := r.service.inMemory(m.Tx); t.key != nil {
		r.t.Error("the key is still in memory after its use")
	}
}

// Each attribute of the key-encryption key that is edited in the token's files is
// found when the vault is opened, before a key is used.
func TestAttackEditedTokenFiles(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	r.signsNow(p)
	r.worker.Close()
	var kek string
	for _, k := range stealToken(t, r.hsm.SoftHSMDir, r.hsm.PIN) {
		if k.label == "resident#1" {
			kek = k.path
		}
	}
	file, attributes := readObject(t, kek)
	rules := map[uint64]string{
		0x103: "CKA_SENSITIVE", 0x162: "CKA_EXTRACTABLE", 0x104: "CKA_ENCRYPT", 0x105: "CKA_DECRYPT", 0x106: "CKA_WRAP", 0x107: "CKA_UNWRAP",
		0x108: "CKA_SIGN", 0x10a: "CKA_VERIFY", 0x10c: "CKA_DERIVE", 0x170: "CKA_MODIFIABLE", 0x171: "CKA_COPYABLE", 0x172: "CKA_DESTROYABLE",
		0x163: "CKA_LOCAL", 0x164: "CKA_NEVER_EXTRACTABLE", 0x165: "CKA_ALWAYS_SENSITIVE",
	}
	for kind, name := range rules {
		a, ok := attributes[kind]
		if !ok || a.kind != kindBool {
			t.Errorf("%s is not in the file", name)
			continue
		}
		edited := bytes.Clone(file)
		edited[a.offset] ^= 0xff
		if a.value[0] == 1 || a.value[0] == 0 { // however this SoftHSM writes true
			edited[a.offset] = 1 - a.value[0]
		}
		if err := os.WriteFile(kek, edited, 0o600); err != nil {
			t.Fatal(err)
		}
		w := startWorker(t, r.hsm)
		if _, err := w.Vault(t.Context(), "resident"); !errors.Is(err, hsm.ErrUnsafeToken) {
			t.Errorf("%s edited: %v, want ErrUnsafeToken", name, err)
		}
		w.Close()
	}
	if err := os.WriteFile(kek, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := startWorker(t, r.hsm).Vault(t.Context(), "resident"); err != nil {
		t.Errorf("unedited: %v", err)
	}
}

// stash keeps a credential's row, and puts it back, as whoever holds a backup does.
func (r *rig) stash(id string) func() {
	r.t.Helper()
	var copied []byte
	if err := r.cfg.DB.Pool.QueryRow(r.t.Context(), `SELECT row_to_json(c)::text FROM credential c WHERE id = $1`, id).Scan(&copied); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		r.t.Helper()
		r.exec(`UPDATE credential c SET sealed = b.sealed, record = b.record, tag = b.tag, version = b.version, state = b.state,
			stopped = b.stopped, certificate = b.certificate, binding = b.binding
			FROM json_populate_record(NULL::credential, $2::json) b WHERE c.id = $1`, id, string(copied))
	}
}

func TestAttackSwappedRecords(t *testing.T) {
	r := newRig(t)
	victim, thief := r.enrol(), r.enrol()
	columns := []string{"sealed", "record", "tag", "binding", "certificate", "sealed, record, tag, version, state, binding", "sealed, record, tag, version, state, binding, certificate"}
	for _, list := range columns {
		putBack := r.stash(victim.credential)
		r.exec(fmt.Sprintf(`UPDATE credential c SET (%s) = (SELECT %s FROM credential WHERE id = $2) WHERE c.id = $1`, list, list), victim.credential, thief.credential)
		if _, err := r.tryMint(victim, "a"); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s of another credential: %v, want ErrMismatch", list, err)
		}
		putBack()
	}
	r.signsNow(victim)
}

func TestAttackOldRecordWithItsOldTag(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	putBack := r.stash(p.credential)
	if _, err := r.client.Suspend(t.Context(), p.credential, Act{By: "officer:wong", Reason: "lost"}); err != nil {
		t.Fatal(err)
	}
	putBack()
	for _, when := range []string{"in this process", "after a restart"} {
		if _, err := r.tryMint(p, "a"); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v, want ErrMismatch", when, err)
		}
		r.restart()
	}
	// The control: the record itself is good. What is remembered beside the
	// database is what stops it.
	if err := os.Remove(r.cfg.VersionsFile); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.signsNow(p)
}

func TestAttackOldBlob(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	putBack := r.stash(p.credential)
	var sealed []byte
	if err := r.cfg.DB.Pool.QueryRow(t.Context(), `SELECT sealed FROM credential WHERE id = $1`, p.credential).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Destroy(t.Context(), p.credential, Act{By: "officer:wong", Reason: "another device"}); err != nil {
		t.Fatal(err)
	}
	// The sealed key alone, from a backup: the record says that there is none.
	r.exec(`UPDATE credential SET sealed = $2, state = 'active' WHERE id = $1`, p.credential, sealed)
	if _, err := r.tryMint(p, "a"); !errors.Is(err, ErrMismatch) {
		t.Errorf("the old sealed key: %v, want ErrMismatch", err)
	}
	// All of it.
	putBack()
	for range 2 {
		if _, err := r.tryMint(p, "a"); !errors.Is(err, ErrMismatch) {
			t.Errorf("the whole old row: %v, want ErrMismatch", err)
		}
		r.restart()
	}
}
