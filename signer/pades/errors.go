package pades

import (
	"errors"

	"chop/internal/pdf"
	"chop/internal/typeset"
)

// What callers branch on. All but ErrTimestamp and ErrEvidence say that this file or
// this request cannot be signed, and that asking again will not help.
var (
	// ErrNotPDF means that the file is no PDF.
	ErrNotPDF = pdf.ErrNotPDF
	// ErrEncrypted means that the file is encrypted; a signature would need its password.
	ErrEncrypted = pdf.ErrEncrypted
	// ErrMalformed means that the file's structure cannot be followed.
	ErrMalformed = pdf.ErrMalformed
	// ErrLimit means that reading the file would take more than an honest file needs.
	ErrLimit = pdf.ErrLimit
	// ErrRequest means that the request contradicts itself or lacks something.
	ErrRequest = errors.New("invalid signing request")
	// ErrForbidden means that an earlier signature, or the field's flags, forbid the change.
	ErrForbidden = errors.New("the document forbids this change")
	// ErrNotFirst means that a certification was asked for on a file that is signed already.
	ErrNotFirst = errors.New("a certification must be the first signature")
	// ErrFieldNotFound means that the file has no field of that name.
	ErrFieldNotFound = errors.New("no such field")
	// ErrFieldType means that the field of that name is no signature field.
	ErrFieldType = errors.New("not a signature field")
	// ErrFieldSigned means that the field holds a signature already.
	ErrFieldSigned = errors.New("the field is signed already")
	// ErrSeedValue means that the field's author demands what the request does not give.
	ErrSeedValue = errors.New("the field's seed values are not met")
	// ErrAppearance means that the visible signature cannot be placed or its text does not fit.
	ErrAppearance = errors.New("the visible signature cannot be drawn")
	// ErrFont means that the font for visible signatures is absent or unusable.
	ErrFont = typeset.ErrFont
	// ErrGlyph means that the font has no glyph for a character of the visible text.
	ErrGlyph = typeset.ErrGlyph
	// ErrTooLarge means that a signature or timestamp does not fit into the room left for it.
	ErrTooLarge = errors.New("the signature does not fit into its place")
	// ErrSignature means that the signature value does not verify with the certificate's key.
	ErrSignature = errors.New("the signature value does not verify")
	// ErrFinished means that Finish was called twice.
	ErrFinished = errors.New("the document is finished already")
	// ErrUnsigned means that there is no signature to extend.
	ErrUnsigned = errors.New("the file has no signature")
	// ErrAtLevel means that every signature has the level that was asked for.
	ErrAtLevel = errors.New("the file is at this level already")
	// ErrTimestamp means that no timestamp was given, or not one of what was asked.
	ErrTimestamp = errors.New("no usable timestamp")
	// ErrEvidence means that the evidence for a certificate could not be gathered.
	ErrEvidence = errors.New("no evidence of revocation")
	// ErrState means that a prepared document cannot be gone on with: its description or
	// its bytes are not what was prepared.
	ErrState = errors.New("the prepared document was changed")
)
