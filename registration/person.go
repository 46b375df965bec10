package registration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
	"chop/registration/personal"
)

// The names of sealed fields.
const (
	fieldImmd  = "immd" // Immigration's signed answer
	fieldPhone = "phone"
	fieldEmail = "email"
)

// person is what is held, opened.
type person struct {
	card    hkic.Card
	contact Contact
	immd    []byte
}

// cardFields are a card's data, each by itself.
func cardFields(c hkic.Card) map[string]string {
	return map[string]string{
		"number": c.Number.Secret(), "surname": c.Surname, "given-names": c.GivenNames, "chinese-name": c.ChineseName,
		"commercial-codes": c.CommercialCodes, "birth": c.Birth.String(), "gender": c.Gender, "issued": c.Issued.String(),
		"first-issued": c.FirstIssued, "symbols": c.Symbols,
	}
}

// person opens all that is held of an account.
func (r *Registry) person(ctx context.Context, account string) (*person, error) {
	f, err := r.people.Open(ctx, account)
	if errors.Is(err, personal.ErrNoOwner) {
		return nil, ErrNoAccount
	}
	if err != nil {
		return nil, err
	}
	p := &person{
		card: hkic.Card{
			Surname: f["surname"], GivenNames: f["given-names"], ChineseName: f["chinese-name"], CommercialCodes: f["commercial-codes"],
			Gender: f["gender"], FirstIssued: f["first-issued"], Symbols: f["symbols"],
		},
		contact: Contact{Phone: f[fieldPhone], Email: f[fieldEmail]},
		immd:    []byte(f[fieldImmd]),
	}
	if f["birth"] == "" && f["issued"] == "" { // deleted by its date, of a closed account and of no other
		if a, err := r.store.account(ctx, account); err == nil && a.State == Closed {
			return p, p.card.Number.UnmarshalText([]byte(f["number"]))
		}
	}
	for _, err := range []error{
		p.card.Number.UnmarshalText([]byte(f["number"])), p.card.Birth.UnmarshalText([]byte(f["birth"])), p.card.Issued.UnmarshalText([]byte(f["issued"])),
	} {
		if err != nil {
			return nil, fmt.Errorf("read sealed data: %w", err)
		}
	}
	return p, nil
}

// cardDigest stands for a card's data in what the second officer signs: keyed, so that nobody can try names against it.
func (r *Registry) cardDigest(ctx context.Context, id string, c hkic.Card) ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return r.people.Digest(ctx, "card", id+"\x00"+string(b))
}

// normal puts contact data into their normal form. ErrContact.
func (c Contact) normal() (Contact, error) {
	var err error
	if c.Phone, err = normalPhone(c.Phone); err != nil {
		return c, err
	}
	if c.Email, err = normalEmail(c.Email); err != nil {
		return c, err
	}
	switch c.Language {
	case "":
		c.Language = "zh-Hant-HK"
	case "en", "zh-Hant-HK", "zh-Hans":
	default:
		return c, fmt.Errorf("%w: language", ErrContact)
	}
	return c, nil
}

var (
	localPhone  = regexp.MustCompile(`^[2-9][0-9]{7}$`)
	globalPhone = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	phoneMarks  = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "\u00a0", "")
)

// normalPhone gives E.164; eight digits are a number in Hong Kong.
func normalPhone(s string) (string, error) {
	if len(s) > 100 {
		return "", fmt.Errorf("%w: telephone", ErrContact)
	}
	s = phoneMarks.Replace(width.Fold.String(s))
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	switch {
	case s == "":
		return "", nil
	case localPhone.MatchString(s):
		return "+852" + s, nil
	case strings.HasPrefix(s, "+852") && !localPhone.MatchString(s[4:]), !globalPhone.MatchString(s):
		return "", fmt.Errorf("%w: telephone", ErrContact)
	}
	return s, nil
}

// normalEmail takes a bare address; letters of either size are one address here.
func normalEmail(s string) (string, error) {
	s = strings.TrimSpace(norm.NFC.String(s))
	if s == "" {
		return "", nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || len(s) > 254 || a.Address != s || a.Name != "" || strings.ContainsAny(s, " \"\r\n<>,;") || solecontrol.CheckText(s) != nil {
		return "", fmt.Errorf("%w: e-mail", ErrContact)
	}
	return strings.ToLower(s), nil
}

var srnForm = regexp.MustCompile(`^(SRN)?([0-9]{10})$`)

// normal puts a value that somebody says into the form in which it is kept; ok is false where it has none.
func (i Item) normal(s string) (v string, ok bool) {
	switch i {
	case ItemHKIC:
		n, err := hkic.Parse(s)
		return n.Normal(), err == nil
	case ItemBirth:
		d, err := hkic.ParseDate(strings.TrimSpace(s))
		return d.String(), err == nil
	case ItemPhone:
		v, err := normalPhone(s)
		return v, err == nil && v != ""
	case ItemEmail:
		v, err := normalEmail(s)
		return v, err == nil && v != ""
	case ItemPlace:
		v = strings.ToLower(strings.Join(strings.Fields(s), " "))
		return v, v != "" && len(v) <= 200
	case ItemNumber:
		m := srnForm.FindStringSubmatch(strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(s)))
		if m == nil {
			return "", false
		}
		return "SRN" + m[2], true
	}
	return "", false
}

// lookup is the kind of look-up that finds an account by the item, "" for one that finds none.
func (i Item) lookup() personal.LookupKind {
	return map[Item]personal.LookupKind{ItemHKIC: personal.HKIC, ItemPhone: personal.Phone, ItemEmail: personal.Email, ItemNumber: personal.SRN}[i]
}
