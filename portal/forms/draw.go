package forms

import "time"

func (f *Form) draw(values map[string]string, lang string, at time.Time) ([]byte, error) {
	return nil, ErrDraw
}
func drawReceipt(d ReceiptData, lang string) ([]byte, error) { return nil, ErrDraw }
