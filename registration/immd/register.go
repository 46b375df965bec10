package immd

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"chop/registration/hkic"
)

// Register is a register of at least n made-up people: the ten of People, and others
// drawn from a seed. The same seed, number and day give the same people. Every kind that
// a registration meets is in any thousand of them: see kinds.
func Register(now time.Time, seed string, n int) []Person {
	people := People(now)
	taken := make(map[hkic.Number]bool, n)
	for _, p := range people {
		taken[p.Card.Number] = true
	}
	for i := 0; len(people) < n; i++ {
		d := &draw{seed: fmt.Sprintf("chop/immd/people/v1\x00%s\x00%d", seed, i)}
		p := d.person(kinds[i%len(kinds)], hkic.Today(now))
		if taken[p.Card.Number] {
			continue // the next one has another number
		}
		taken[p.Card.Number] = true
		people = append(people, p)
	}
	return people
}

// kind is one of a register's, with what makes it so.
type kind struct {
	note   string
	change func(d *draw, p *Person, today hkic.Date)
}

// kinds come in turn.
var kinds = []kind{
	{"adult", func(*draw, *Person, hkic.Date) {}},
	{"number with two letters", func(d *draw, p *Person, _ hkic.Date) {
		p.Card.Number = made(string(d.letter())+string(d.letter()), d.digits())
	}},
	{"no Chinese name", func(d *draw, p *Person, _ hkic.Date) {
		p.Card.ChineseName = ""
		p.Card.Surname, p.Card.GivenNames = pick(d, foreignSurnames), pick(d, foreignGiven)
	}},
	{"Chinese name beyond the Basic Multilingual Plane (HKSCS)", func(d *draw, p *Person, _ hkic.Date) {
		name := []rune(p.Card.ChineseName)
		name[len(name)-1] = []rune(beyondBMP)[d.n(len([]rune(beyondBMP)))]
		p.Card.ChineseName = string(name)
	}},
	{"only the year of birth is known", func(_ *draw, p *Person, _ hkic.Date) { p.Card.Birth.Month, p.Card.Birth.Day = 0, 0 }},
	{"the day of birth is not known", func(_ *draw, p *Person, _ hkic.Date) { p.Card.Birth.Day = 0 }},
	{"old card that does not say the gender", func(d *draw, p *Person, _ hkic.Date) {
		p.Card.Gender, p.Card.Issued.Year = "", 2003+d.n(4)
		p.Card.Birth.Year = min(p.Card.Birth.Year, 1990)
	}},
	{"ten years old: too young", func(d *draw, p *Person, today hkic.Date) { child(d, p, today, 10) }},
	{"eleven years old: old enough", func(d *draw, p *Person, today hkic.Date) { child(d, p, today, 11) }},
	{"deceased", func(_ *draw, p *Person, _ hkic.Date) { p.Deceased = true }},
	{"an earlier card was replaced", func(d *draw, p *Person, _ hkic.Date) {
		p.Before = []hkic.Date{{Year: p.Card.Issued.Year - 1 - d.n(3), Month: 1 + d.n(12), Day: 1 + d.n(28)}}
	}},
	{"the portrait is referred", func(_ *draw, p *Person, _ hkic.Date) { p.Portrait = Refer }},
	{"the portrait never matches", func(_ *draw, p *Person, _ hkic.Date) { p.Portrait = Fail }},
	{"name of one part", func(_ *draw, p *Person, _ hkic.Date) { p.Card.GivenNames = "" }},
	{"Chinese name of six characters", func(d *draw, p *Person, _ hkic.Date) {
		for _, s := range []syllable{pick(d, given), pick(d, given), pick(d, given)} {
			p.Card.ChineseName += s.character
			p.Card.GivenNames += " " + s.roman
		}
	}},
}

// child makes somebody so old whenever it is: born on the first of January.
func child(d *draw, p *Person, today hkic.Date, age int) {
	p.Card.Birth = hkic.Date{Year: today.Year - age, Month: 1, Day: 1}
	p.Card.Issued = hkic.Date{Year: today.Year - 1, Month: 1 + d.n(12), Day: 1 + d.n(28)}
	p.Card.Symbols = "*A"
	if age < hkic.YoungestAge {
		p.Card.Symbols = "A"
	}
}

// person draws one, and makes it of its kind.
func (d *draw) person(k kind, today hkic.Date) Person {
	family, first, second := pick(d, surnames), pick(d, given), pick(d, given)
	p := Person{Note: k.note, Card: hkic.Card{
		Number: made(string(d.letter()), d.digits()), Surname: strings.ToUpper(family.roman), GivenNames: first.roman + " " + second.roman,
		ChineseName: family.character + first.character + second.character,
		Birth:       hkic.Date{Year: today.Year - 20 - d.n(70), Month: 1 + d.n(12), Day: 1 + d.n(28)},
		Gender:      pick(d, []string{"M", "F"}),
		Issued:      hkic.Date{Year: today.Year - 1 - d.n(7), Month: 1 + d.n(12), Day: 1 + d.n(28)},
		Symbols:     "***AZ",
	}}
	k.change(d, &p, today)
	return p
}

// draw gives numbers from a seed by SHA-256 of seed and counter: the same on every
// machine and under every release of Go. No secret is drawn here.
type draw struct {
	seed    string
	counter uint32
}

// n is a number from 0 to below most. That the low ones come a little more often is no matter here.
func (d *draw) n(most int) int {
	d.counter++
	sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(d.seed), d.counter))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(most))
}

// letter leaves out E, so that numbers with it are known to be nobody's.
func (d *draw) letter() byte { return "ABCDFGHIJKLMNOPQRSTUVWXYZ"[d.n(25)] }

func (d *draw) digits() string { return fmt.Sprintf("%06d", d.n(1000000)) }

func pick[T any](d *draw, list []T) T { return list[d.n(len(list))] }

// syllable is part of a name in Latin letters and in Chinese.
type syllable struct{ roman, character string }

// Parts of names, which the draw puts together; any likeness is chance.
var (
	surnames = []syllable{
		{"Au", "區"}, {"Chan", "陳"}, {"Cheng", "鄭"}, {"Cheung", "張"}, {"Chiu", "趙"}, {"Chow", "周"}, {"Chu", "朱"}, {"Fong", "方"},
		{"Fung", "馮"}, {"Ho", "何"}, {"Hui", "許"}, {"Kwok", "郭"}, {"Kwong", "鄺"}, {"Lai", "黎"}, {"Lam", "林"}, {"Lau", "劉"},
		{"Lee", "李"}, {"Leung", "梁"}, {"Lo", "羅"}, {"Lui", "呂"}, {"Ma", "馬"}, {"Mak", "麥"}, {"Mok", "莫"}, {"Ng", "吳"},
		{"Poon", "潘"}, {"Siu", "蕭"}, {"So", "蘇"}, {"Tam", "譚"}, {"Tang", "鄧"}, {"Tse", "謝"}, {"Wong", "王"}, {"Yip", "葉"},
	}
	given = []syllable{
		{"Chi", "志"}, {"Chun", "俊"}, {"Fai", "輝"}, {"Fung", "鳳"}, {"Hang", "恒"}, {"Hei", "希"}, {"Him", "謙"}, {"Hiu", "曉"},
		{"Ho", "浩"}, {"Ka", "嘉"}, {"Kin", "健"}, {"Kit", "潔"}, {"Kwan", "君"}, {"Lai", "麗"}, {"Lok", "樂"}, {"Man", "文"},
		{"Mei", "美"}, {"Ming", "明"}, {"Nga", "雅"}, {"On", "安"}, {"Ping", "平"}, {"Sau", "秀"}, {"Sze", "詩"}, {"Tsz", "子"},
		{"Wai", "偉"}, {"Wing", "穎"}, {"Yan", "欣"}, {"Yi", "儀"}, {"Yin", "妍"}, {"Yuk", "玉"},
	}
	foreignSurnames = []string{"ABDULLAH", "DA SILVA", "FERNANDO", "GURUNG", "HARRIS", "KHAN", "NAKAMURA", "O'BRIEN", "REYES", "RODRIGUES", "SANTOS", "SMITH-JONES"}
	foreignGiven    = []string{"Ana Beatriz", "Bishnu", "Catherine", "Imran", "Jose Maria", "Kenji", "Mary Grace", "Patrick", "Priyanka", "Rosa", "Sunita Devi", "William"}
	// beyondBMP are ideographs above U+FFFF that the Hong Kong Supplementary Character Set has.
	beyondBMP = "𨋢𠝹𡃁𢫏𥄫𠱁"
)
