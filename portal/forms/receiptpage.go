package forms

func (c *Catalogue) drawReceipt(d ReceiptData, lang string) ([]byte, error) { return nil, ErrDraw }
