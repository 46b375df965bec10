package forms

import "time"

// ReceiptData is what a receipt says about a signing.
type ReceiptData struct {
	// ID is the number of the signing.
	ID string
	// Service is who asked, in the language of the receipt.
	Service string
	// Signer is the name in the certificate.
	Signer    string
	Documents []ReceiptDocument // 1 to 10
	At        time.Time         // when it was signed
	// Serial of the certificate, in hexadecimal, and who issued it.
	Serial, Issuer string
	// CheckURL is where anybody can have the document checked.
	CheckURL string
}

// A ReceiptDocument is one document that was signed.
type ReceiptDocument struct {
	Name   string
	SHA256 [32]byte // of the signed file
	Size   int64
}

// Receipt draws the receipt of a signing: one page in a language and English or Chinese.
// Texts too long for their lines end in an ellipsis. Errors are ErrLanguage and ErrDraw.
func (c *Catalogue) Receipt(d ReceiptData, lang string) ([]byte, error) {
	return c.drawReceipt(d, lang)
}
