package notification

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"gopkg.in/yaml.v3"
)

//go:embed texts.yaml
var textsFile []byte

// texts are one kind's.
type texts struct {
	Params []string `yaml:"params"`
	EN     text     `yaml:"en"`
	ZhHant text     `yaml:"zh-Hant-HK"`
	ZhHans text     `yaml:"zh-Hans"`
}

type text struct {
	Subject string `yaml:"subject"`
	Body    string `yaml:"body"`

	subject, body *template.Template
}

// in is the text in a language, or in the one that stands in for it.
func (t *texts) in(language string) (*text, string) {
	switch language {
	case "en":
		return &t.EN, language
	case "zh-Hans":
		return &t.ZhHans, language
	}
	return &t.ZhHant, "zh-Hant-HK"
}

// loadTexts reads the embedded file; each kind has its texts in each language, and each template draws.
func loadTexts() (map[Kind]*texts, error) {
	var all map[Kind]*texts
	dec := yaml.NewDecoder(bytes.NewReader(textsFile))
	dec.KnownFields(true)
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	if len(all) != len(Kinds) {
		return nil, fmt.Errorf("read texts: %d kinds, want %d", len(all), len(Kinds))
	}
	for _, k := range Kinds {
		t := all[k]
		if t == nil {
			return nil, fmt.Errorf("read texts: %s is missing", k)
		}
		for _, language := range Languages {
			x, _ := t.in(language)
			if x.Subject == "" || x.Body == "" {
				return nil, fmt.Errorf("read texts: %s has no text in %s", k, language)
			}
			var err error
			if x.subject, err = parse(x.Subject, language); err != nil {
				return nil, fmt.Errorf("read texts: %s: %w", k, err)
			}
			if x.body, err = parse(x.Body, language); err != nil {
				return nil, fmt.Errorf("read texts: %s: %w", k, err)
			}
		}
	}
	return all, nil
}

func parse(s, language string) (*template.Template, error) {
	return template.New("").Option("missingkey=zero").
		Funcs(template.FuncMap{"time": func(v string) string { return localTime(v, language) }}).Parse(s)
}

var hongKong = time.FixedZone("HKT", 8*3600)

// localTime writes an RFC 3339 time as Hong Kong does; anything else stays as it is.
func localTime(v, language string) string {
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return v
	}
	if language == "en" {
		return t.In(hongKong).Format("2 January 2006, 15:04")
	}
	return t.In(hongKong).Format("2006年1月2日 15:04")
}

// Text is a notice's subject and body in a language (en, zh-Hant-HK, zh-Hans; else zh-Hant-HK): plain text.
func (s *Service) Text(m Message, language string) (subject, body string, err error) {
	t := s.texts[m.Kind]
	if t == nil {
		return "", "", fmt.Errorf("write notice: %w: kind %q", ErrNotice, m.Kind)
	}
	x, tag := t.in(language)
	params := maps.Clone(m.Params)
	if id := params["place"]; id != "" && s.cfg.Place != nil {
		params["place"] = s.cfg.Place(id, tag)
	}
	var b bytes.Buffer
	for _, part := range []struct {
		template *template.Template
		into     *string
	}{{x.subject, &subject}, {x.body, &body}} {
		b.Reset()
		if err := part.template.Execute(&b, params); err != nil {
			return "", "", fmt.Errorf("write notice: %w", err)
		}
		*part.into = strings.TrimSpace(b.String())
	}
	return subject, body, nil
}

// known reports whether a language is one of ours.
func known(language string) bool { return slices.Contains(Languages, language) }
