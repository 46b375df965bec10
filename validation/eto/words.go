package eto

import (
	"fmt"
	"strings"
)

// Phrases are a text by language: en, zh-Hant, zh-Hans.
type Phrases map[string]string

func words(en, hant, hans string) Phrases { return Phrases{"en": en, "zh-Hant": hant, "zh-Hans": hans} }

var answers = map[Answer]Phrases{
	Satisfied:    words("Satisfied", "符合", "符合"),
	NotSatisfied: words("Not satisfied", "不符合", "不符合"),
	Undecided:    words("Cannot be decided", "無法斷定", "无法断定"),
}

var titles = map[string]Phrases{
	"signature":              words("A digital signature of this document", "本文件的數碼簽署", "本文件的数码签署"),
	"recognized-certificate": words("Supported by a recognized certificate", "由認可證書證明", "由认可证书证明"),
	"within-validity":        words("Generated within the validity of the certificate", "在證書有效期內產生", "在证书有效期内产生"),
	"terms":                  words("Used in accordance with the terms of the certificate", "按證書的條款使用", "按证书的条款使用"),
	"kind":                   words("A kind of document that is not excluded", "並非豁除的文件類別", "并非豁除的文件类别"),
}

// Words are an answer in each language.
func Words(a Answer) Phrases { return answers[a] }

// A phrase is a reason's text, and what would decide it. All languages take the same
// arguments, by their numbers.
type phrase struct{ text, decides Phrases }

func reason(code string, args ...any) Reason {
	p := reasons[code]
	r := Reason{Code: code, Text: Phrases{}}
	for lang, t := range p.text {
		r.Text[lang] = fill(t, args)
	}
	for lang, t := range p.decides {
		if r.Decides == nil {
			r.Decides = Phrases{}
		}
		r.Decides[lang] = fill(t, args)
	}
	return r
}

// fill puts the arguments in the places {1}, {2} and so on.
func fill(text string, args []any) string {
	for i, a := range args {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%d}", i+1), fmt.Sprint(a))
	}
	return text
}
