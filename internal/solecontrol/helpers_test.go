package solecontrol

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/uuid"
)

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func spki(t testing.TB, k *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func cose(t testing.TB, k *ecdsa.PrivateKey) []byte {
	t.Helper()
	b, err := MarshalCOSE(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleBinding(t testing.TB) *Binding {
	return &Binding{
		Credential: newUUID(), Account: newUUID(), Algorithm: "p256", SPKI: spki(t, newKey(t)), RPID: "approve.example.hk",
		PasskeyID: random(32), PasskeyKey: cose(t, newKey(t)), AAGUID: [16]byte(random(16)), BackupEligible: true,
		DeviceKey: spki(t, newKey(t)), PRFSalt: [32]byte(random(32)), SealSalt: [32]byte(random(32)),
	}
}

func sampleRecord() *Record {
	return &Record{Binding: Digest(random(32)), Certificate: random(32), State: Active, Version: 2, Sealed: Digest(random(32)), KEK: random(16), Mechanism: 0x210a}
}

func sampleRequest(t testing.TB) *Request {
	point, err := newKey(t).PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return &Request{
		Kind: "sign", Tx: NewID(), Nonce: NewNonce(), NotAfter: At(time.Now()), HPKEKey: point, RPID: "approve.example.hk",
		Credential: newUUID(), Certificate: random(32), Service: Service{"hkp", "Post & <Office> 郵政"},
		Documents: []RequestDocument{{"form.pdf", TypePDF, random(32), "1.3.6.1.4.1.99999.1", SHA256, random(32)}},
	}
}

func sampleTicket(t testing.TB) *Ticket {
	return &Ticket{
		Kind: "ticket", Case: newUUID(), Account: newUUID(), Enrolment: NewID(), PasskeyKey: cose(t, newKey(t)), RPID: "approve.example.hk",
		Subject: random(32), Immd: random(32), Signer: "officer:wong", Place: "counter 3", Expires: At(time.Now()),
	}
}

func sampleOrder() *Order {
	return &Order{
		Kind: "resume", Credential: newUUID(), Account: newUUID(), Case: newUUID(), First: "officer:wong", Second: "officer:leung",
		Place: "counter 3", Expires: At(time.Now()), Nonce: NewNonce(),
	}
}

func sampleStatement(t testing.TB) *Statement {
	return &Statement{
		Kind: "statement", Credential: newUUID(), Account: newUUID(), SPKI: spki(t, newKey(t)), Ticket: random(32), Subject: random(32),
		RPID: "approve.example.hk", Passkey: random(32), At: At(time.Now()),
	}
}
