package immd

import (
	"time"

	"chop/registration/hkic"
)

// People are ten made-up people, one of each kind that a registration meets.
// Their numbers have right check digits; any likeness is chance. The two children
// are 10 and 11 years old whenever it is.
func People(now time.Time) []Person {
	today := hkic.Today(now)
	child := func(age int) hkic.Date { return hkic.Date{Year: today.Year - age, Month: 1, Day: 1} }
	since := hkic.Date{Year: today.Year - 1, Month: 6, Day: 3}
	return []Person{
		{Note: "adult, Chinese name of three characters", Card: hkic.Card{
			Number: made("A", "123456"), Surname: "CHAN", GivenNames: "Tai Man", ChineseName: "陳大文", CommercialCodes: "7115 1129 2429",
			Birth: hkic.Date{Year: 1985, Month: 3, Day: 14}, Gender: "M", Issued: hkic.Date{Year: 2019, Month: 9, Day: 16}, FirstIssued: "03-03", Symbols: "***AZ"}},
		{Note: "number with two letters, no Chinese name", Card: hkic.Card{
			Number: made("WX", "123456"), Surname: "FERNANDES", GivenNames: "Maria Luisa",
			Birth: hkic.Date{Year: 1991, Month: 11, Day: 2}, Gender: "F", Issued: hkic.Date{Year: 2021, Month: 4, Day: 8}, Symbols: "C"}},
		{Note: "Chinese name beyond the Basic Multilingual Plane (HKSCS)", Card: hkic.Card{
			Number: made("C", "668668"), Surname: "WONG", GivenNames: "Siu Lip", ChineseName: "黃小𨋢",
			Birth: hkic.Date{Year: 1978, Month: 7, Day: 30}, Gender: "M", Issued: hkic.Date{Year: 2020, Month: 2, Day: 11}, Symbols: "***AZ"}},
		{Note: "only the year of birth is known", Card: hkic.Card{
			Number: made("P", "103265"), Surname: "LAU", GivenNames: "Kam", ChineseName: "劉金",
			Birth: hkic.Date{Year: 1941}, Gender: "F", Issued: hkic.Date{Year: 2022, Month: 10, Day: 5}, Symbols: "***AU"}},
		{Note: "old card that does not say the gender", Card: hkic.Card{
			Number: made("G", "000000"), Surname: "IP", GivenNames: "Wing Sze", ChineseName: "葉詠詩",
			Birth: hkic.Date{Year: 1969, Month: 12, Day: 24}, Issued: hkic.Date{Year: 2005, Month: 8, Day: 19}, Symbols: "***AZ"}},
		{Note: "ten years old: too young", Card: hkic.Card{
			Number: made("Z", "683365"), Surname: "HO", GivenNames: "Lok Yiu", ChineseName: "何樂瑤",
			Birth: child(10), Gender: "F", Issued: since, Symbols: "A"}},
		{Note: "eleven years old: old enough", Card: hkic.Card{
			Number: made("AB", "987654"), Surname: "HO", GivenNames: "Lok Him", ChineseName: "何樂謙",
			Birth: child(11), Gender: "M", Issued: since, Symbols: "*A"}},
		{Note: "deceased", Deceased: true, Card: hkic.Card{
			Number: made("D", "246810"), Surname: "YEUNG", GivenNames: "Fuk", ChineseName: "楊福",
			Birth: hkic.Date{Year: 1932, Month: 5, Day: 1}, Gender: "M", Issued: hkic.Date{Year: 2019, Month: 1, Day: 7}, Symbols: "***AZ"}},
		{Note: "the card issued on 2019-06-10 was replaced on 2023-02-20", Before: []hkic.Date{{Year: 2019, Month: 6, Day: 10}}, Card: hkic.Card{
			Number: made("K", "135790"), Surname: "TSANG", GivenNames: "Mei Ling", ChineseName: "曾美玲",
			Birth: hkic.Date{Year: 1988, Month: 9, Day: 9}, Gender: "F", Issued: hkic.Date{Year: 2023, Month: 2, Day: 20}, Symbols: "***AZ"}},
		{Note: "names of forty letters each, birth without a day", Card: hkic.Card{
			Number: made("R", "778899"), Surname: "WICKRAMASINGHE-ARACHCHIGE KUMARATUNGALAG", GivenNames: "Thilina Madhushanka Sampath Bandara Pere",
			Birth: hkic.Date{Year: 1996, Month: 2}, Gender: "M", Issued: hkic.Date{Year: 2024, Month: 3, Day: 27}, Symbols: "R"}},
	}
}

// made is the number with its check digit, for texts of this file alone.
func made(letters, digits string) hkic.Number {
	n, err := hkic.Parse(letters + digits + string(hkic.CheckDigit(letters, digits)))
	if err != nil {
		panic(err) // the numbers above are constants, and a test reads them
	}
	return n
}
