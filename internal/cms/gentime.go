package cms

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// readGenTime reads a GeneralizedTime with an optional fraction, which cryptobyte's own reader refuses. DER wants Z,
// seconds, and a fraction that does not end in zero (RFC 3161, 2.4.2); zeros at the end are tolerated, since
// authorities write them.
func readGenTime(s *cryptobyte.String) (time.Time, bool) {
	var content cryptobyte.String
	if !s.ReadASN1(&content, cbasn1.GeneralizedTime) {
		return time.Time{}, false
	}
	const layout = "20060102150405"
	text := string(content)
	if len(text) < len(layout)+1 || len(text) > len(layout)+20 || text[len(text)-1] != 'Z' {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, text[:len(layout)])
	if err != nil {
		return time.Time{}, false
	}
	fraction := text[len(layout) : len(text)-1]
	if fraction == "" {
		return t, true
	}
	if fraction[0] != '.' || len(fraction) == 1 {
		return time.Time{}, false
	}
	nanos, unit := 0, 100_000_000
	for _, c := range fraction[1:] {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		nanos += int(c-'0') * unit
		unit /= 10
	}
	return t.Add(time.Duration(nanos)), true
}

// appendGenTime appends the content of a GeneralizedTime, to the millisecond, without zeros at its end.
func appendGenTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return t.AppendFormat(b, "20060102150405Z") // no GeneralizedTime; its readers will say so
	}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	for _, n := range [...]int{year / 100, year % 100, int(month), day, hour, minute, second} {
		b = append(b, '0'+byte(n/10), '0'+byte(n%10))
	}
	millis := t.Nanosecond() / 1e6
	b = append(b, '.', '0'+byte(millis/100), '0'+byte(millis/10%10), '0'+byte(millis%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return append(b, 'Z')
}

// readAccuracy reads the optional Accuracy: seconds, [0] milliseconds, [1] microseconds. Absent is 0.
func readAccuracy(s *cryptobyte.String) (time.Duration, bool) {
	var seq cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&seq, &present, cbasn1.SEQUENCE) {
		return 0, false
	}
	var seconds, millis, micros int64
	if seq.PeekASN1Tag(cbasn1.INTEGER) && !seq.ReadASN1Integer(&seconds) {
		return 0, false
	}
	if seq.PeekASN1Tag(tagContext0) && !seq.ReadASN1Int64WithTag(&millis, tagContext0) {
		return 0, false
	}
	if seq.PeekASN1Tag(tagContext1) && !seq.ReadASN1Int64WithTag(&micros, tagContext1) {
		return 0, false
	}
	const century = 100 * 365 * 24 * 3600
	if !seq.Empty() || seconds < 0 || seconds > century || millis < 0 || millis > 999 || micros < 0 || micros > 999 {
		return 0, false
	}
	return time.Duration(seconds)*time.Second + time.Duration(millis)*time.Millisecond + time.Duration(micros)*time.Microsecond, true
}

// EncodeAccuracy gives Accuracy, DER, to the microsecond; nothing for 0.
func EncodeAccuracy(d time.Duration) []byte {
	if d <= 0 {
		return nil
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if seconds := int64(d / time.Second); seconds > 0 {
			b.AddASN1Int64(seconds)
		}
		if millis := int64(d % time.Second / time.Millisecond); millis > 0 {
			b.AddASN1Int64WithTag(millis, tagContext0)
		}
		if micros := int64(d % time.Millisecond / time.Microsecond); micros > 0 {
			b.AddASN1Int64WithTag(micros, tagContext1)
		}
	})
	return b.BytesOrPanic()
}
