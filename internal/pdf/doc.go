// Package pdf is the structure layer of PDF files: objects, cross-reference
// sections, revisions and append-only updates, as ISO 32000-1 and ISO 32000-2
// define them in clauses 7.2 to 7.5 (with 7.9.2 text strings, 7.9.4 dates, and the
// page and field trees of 7.7.3 and 12.7).
//
// It serves a creator and a checker of signatures, and both have the same needs:
// to know exactly which bytes are which object in which revision, and never to
// change a byte that is already there. So a File is read in windows through
// io.ReaderAt and never held in memory, a View is the document as one revision
// left it, and an Update yields only the bytes to append.
//
// What it refuses: encrypted files (ErrEncrypted), and files whose
// cross-reference sections cannot be followed (ErrMalformed). It never rebuilds a
// cross-reference table by searching for objects, because a file that every reader
// repairs in its own way shows every reader another document, and a signature over
// it would mean nothing. Oddities that honest software produces are tolerated;
// those from which a forger profits are tolerated too, but told by Anomalies, so
// that a validator can judge them.
//
// It draws nothing, runs nothing, decodes no images and follows no links.
package pdf
