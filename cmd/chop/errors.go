package main

import (
	"errors"
	"io/fs"
	"syscall"

	"chop/archive"
	"chop/ca"
	"chop/hsm"
	"chop/internal/jws"
	"chop/internal/postgres"
	"chop/policies"
	"chop/registration/face/nets"
	"chop/signer"
	"chop/signer/adobe"
	"chop/signer/asic"
	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// hinted is an error with what the operator can do about it.
type hinted struct {
	error
	hint string
	code int
}

func (h hinted) Unwrap() error { return h.error }

// unusable marks err as exit code 2: nothing could be done with what was given.
func unusable(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint, 2}
}

// explain finds the exit code of err, and a hint for it.
func explain(err error) (code int, hint string) {
	code = 1
	if h, ok := errors.AsType[hinted](err); ok {
		code, hint = h.code, h.hint
	}
	for _, row := range explanations {
		if !errors.Is(err, row.err) {
			continue
		}
		if row.unusable {
			code = 2
		}
		if hint == "" {
			hint = row.hint
		}
	}
	if hint == "" {
		hint = "run it again with --verbose to see what led to it"
	}
	return code, hint
}

// explanations says, for each error that an operator may meet, whether the input was unusable (exit code 2), and
// what to do. The first row that fits gives the hint.
var explanations = []struct {
	err      error
	unusable bool
	hint     string
}{
	{nets.ErrNoWeights, true, "`make face` installs them from npm into bin/share/face; registration.face_weights in chop.yaml names another folder"},
	{nets.ErrUnreadable, true, "let whoever runs chop read them: chmod -R a+rX on the folder, and a+x on those above it"},
	{nets.ErrWeights, true, "`make face` installs those of " + nets.Package + " " + nets.Version + ", the only ones that this program uses"},

	{errNoAppliance, true, "`chop init --dir DIR` creates one"},
	{errConfig, true, "correct the file, or move it away and run `chop init` to have a default written"},

	{policies.ErrUnknownPolicy, true, "`chop ca issue --help` and `chop sign pdf --help` name those that there are"},

	{xades.ErrBreaks, true, "ask its signer for a copy without that signature, or sign with --packaging enveloping or detached"},
	{xades.ErrDocument, true, "a document to be signed within is XML in UTF-8 without a document type; sign anything else with --packaging enveloping or detached"},
	{asic.ErrContainer, true, "each file needs a name of its own, and none of META-INF; `chop validate` tells what is wrong with a container"},
	{cades.ErrMessage, true, "name a CMS file with a signature over the same content (`chop validate` tells what it signs), or sign into a new file"},
	{jws.ErrNotFound, true, "name the file that the signature covers with --detached"},
	{jades.ErrDocument, true, "sign a large file with --detached; signatures beside each other are over the same file; what is extended is a JAdES signature whose value verifies"},
	{pades.ErrEncrypted, true, "remove the password first, for example with `qpdf --decrypt`; a signature could not be checked without it"},
	{pades.ErrNotPDF, true, "check the path; the file has no PDF header"},
	{pades.ErrMalformed, true, "have the file repaired first, for example with `qpdf in.pdf out.pdf`, and look at the result before it is signed"},
	{pades.ErrLimit, true, "the file is built in a way that honest files are not; have it rewritten, for example with `qpdf in.pdf out.pdf`"},
	{pades.ErrForbidden, true, "an earlier signature forbids it; ask its signer for a copy without that signature"},
	{pades.ErrNotFirst, true, "sign without --certify"},
	{pades.ErrFieldNotFound, true, "leave --field out to have a new field made, or check its full name, with dots between its parts"},
	{pades.ErrFieldType, true, "name a signature field, or leave --field out"},
	{pades.ErrFieldSigned, true, "name an empty field, or leave --field out"},
	{pades.ErrSeedValue, true, "the form's author asks for other settings in that field; sign as it asks, or in another field"},
	{pades.ErrAppearance, true, "choose another place or a larger one with --visible PAGE,X,Y,W,H"},
	{pades.ErrGlyph, true, "leave the character out of the reason, the location or the seal's name, or sign without --visible"},
	{pades.ErrFont, false, "apt-get install fonts-arphic-uming, or sign without --visible"},
	{pades.ErrAtLevel, true, "nothing is left to do at this level"},
	{pades.ErrUnsigned, true, "sign it first: `chop sign pdf`"},
	{pades.ErrTooLarge, false, "the certificates or the timestamp are larger than the room for them; nothing was handed out"},
	{pades.ErrRequest, true, "the same command with --help shows its forms"},

	{signer.ErrUnauthorized, true, "its department's operators bring the document to their desk (docs/departments.md); `chop seal list --dir DIR` shows other seals"},
	{signer.ErrCredentialNotFound, true, "`chop seal list --dir DIR` shows the ids"},
	{signer.ErrCredentialNotActive, false, "make another seal with `chop seal create`"},
	{signer.ErrCertificate, false, "`chop ca status --dir DIR --serial HEX` shows its status; make another seal with `chop seal create` if it has ended"},
	{signer.ErrPolicy, true, "leave --policy and --level out for the usual ones, or see `chop sign pdf --help`"},
	{signer.ErrRefused, false, "the file was not handed out and the old one, if any, is as it was; this is a defect of Chop or a damaged document: please report it"},
	{signer.ErrOutput, false, "check that the folder of --out exists and has room"},

	{archive.ErrFull, false, "make room in the data folder's store/; what was there before is as it was"},
	{archive.ErrNotPassed, true, "`chop validate --dir DIR FILE` shows the whole report; try again later if it says TRY_LATER"},
	{archive.ErrForm, true, "put the file into a container with `chop sign asic`, and add that"},
	{archive.ErrSize, true, "validation.max_bytes in chop.yaml is the limit"},
	{archive.ErrNotFound, true, "`chop store list --dir DIR` shows the ids"},
	{archive.ErrRemoved, true, "`chop store list --dir DIR --removed` shows it; its bytes are gone"},
	{archive.ErrBusy, false, "another process works on it: try again in a moment"},
	{archive.ErrDamaged, false, "restore DIR/store from a backup together with the database; `chop store verify` names what is damaged"},
	{archive.ErrRequest, true, "the same command with --help shows its forms"},

	{adobe.ErrUnsupported, true, "use --policy pades-seal"},
	{adobe.ErrDamaged, true, "use --policy pades-seal"},

	{ca.ErrUnknownSerial, false, "the serial is not one of this CA's; `openssl x509 -serial -noout -in cert.pem` prints a certificate's"},
	{ca.ErrTransition, false, "`chop ca status` shows what it is now; revoked is final, and only a suspended certificate is resumed"},
	{ca.ErrCSR, true, "make the request with `openssl req -new`, in PEM or DER"},
	{ca.ErrWeakKey, true, "make a new key, P-256 for example, and a request for it"},
	{ca.ErrCompromised, true, "nobody may use that key any more: make a new one"},
	{ca.ErrKeyTaken, true, "a key belongs to one credential for ever: make a new key"},
	{ca.ErrRequest, true, "see `chop ca --help` for a request that fits the profile department-seal"},
	{ca.ErrStatement, true, "a resident's certificate is issued when an account is opened at a counter or a kiosk; for a department use --profile department-seal"},
	{ca.ErrLint, true, "the subject breaks a rule for certificates; correct it in the request"},
	{ca.ErrStopped, false, "an operator has stopped issuance; find out why before it is allowed again"},
	{ca.ErrPlan, true, "correct the plan, and have it reviewed again"},
	{ca.ErrOtherPlan, false, "a data folder has one ceremony: use the plan that was begun, or another folder"},

	{hsm.ErrPIN, false, "the PIN in DIR/secrets is not the token's; it is not tried again, since tokens lock"},
	{hsm.ErrTokenAbsent, false, "connect the token, or restore DIR/tokens from a backup"},
	{hsm.ErrUnsafeToken, false, "this token would let keys out: it must not be used"},
	{hsm.ErrWorkerHung, false, "the token did not answer; its worker has been restarted: try again, and look at the token if it happens twice"},
	{hsm.ErrWorkerDied, false, "the token's module crashed; its worker has been restarted: try again"},
	{hsm.ErrTokenFailed, false, "look at the token; it is opened again by itself"},

	{postgres.ErrNoBinaries, false, "apt-get install postgresql, or name a server in chop.yaml (database.dsn_file)"},
	{postgres.ErrUnreachable, false, "put the data folder where the user postgres can reach it, such as under /var/lib, or name a server in chop.yaml"},

	{fs.ErrPermission, true, "run as the user who owns the data folder, or check the file's permissions"},
	{fs.ErrNotExist, true, "check the path"},
	{syscall.ENOTDIR, true, "a part of the path is a file and no folder"},
	{validation.ErrFormat, true, "check the path; a detached signature is the file to name, with what it covers as --detached"},
}
