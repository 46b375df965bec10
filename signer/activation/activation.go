// Package activation is the small part that may use residents' keys, and checks
// by itself that it may. It alone has the PIN of the token that holds the
// key-encryption key; it runs as a process and user of its own, keeps its tables
// in a schema that no other role can touch, and believes nothing that the API,
// the portal, the approval page's server or the database tells it: what it acts
// upon is signed by a device, by an officer, or by a key in its own token.
//
// A signature is made when the bound passkey has signed, with its person
// verified, a challenge over the very documents, and has sent the secret without
// which the key's seal does not open. docs/sole-control.md has the claims and
// the tests that attack them, docs/approval-protocol.md every byte.
//
// It signs CMS signed attributes that it has read itself, and nothing else:
// never a hash that it was only told, so never a certificate, a CSR or an OCSP
// answer.
package activation
