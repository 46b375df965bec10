package pdf

import "errors"

var (
	// ErrNotPDF means that no %PDF- header lies within the first 1024 bytes.
	ErrNotPDF = errors.New("not a PDF file")
	// ErrEncrypted means that a trailer names an encryption dictionary; nothing in
	// such a file can be read or appended here.
	ErrEncrypted = errors.New("the PDF file is encrypted")
	// ErrMalformed means that the structure cannot be followed; the text says what is
	// wrong and at which byte.
	ErrMalformed = errors.New("malformed PDF")
	// ErrLimit means that a limit of Limits was exceeded; the file may be honest, but
	// reading on could exhaust memory or time.
	ErrLimit = errors.New("PDF exceeds a limit")
	// ErrFilter means that a stream uses a filter that this package does not decode
	// (the image codecs and Crypt).
	ErrFilter = errors.New("stream filter not supported")
	// ErrNoSpan means that a value has no bytes of its own in the file, because it is
	// absent, indirect, or inside a compressed object stream.
	ErrNoSpan = errors.New("value has no byte range in the file")
)
