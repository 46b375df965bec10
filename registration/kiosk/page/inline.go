package page

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
)

// inline is what every page has in it: its style, its script and the mark. A page is one answer then, and is complete when
// it is there: from card in to data shown there is no second way to the server, nor a moment without style.
type inline struct {
	Dress, Script template.HTML
	Mark          template.URL
	// policy allows these and no other (CSP 3, 6.7.3.3: hashes).
	policy string
}

func newInline() (inline, error) {
	var files [3][]byte
	for i, name := range []string{"kiosk.css", "kiosk.js", "mark.svg"} {
		var err error
		if files[i], err = assets.ReadFile("assets/" + name); err != nil {
			return inline{}, err
		}
	}
	style, script, mark := files[0], files[1], files[2]
	return inline{
		Dress:  template.HTML("<style>" + string(style) + "</style>"),
		Script: template.HTML(`<script type="module">` + string(script) + "</script>"),
		Mark:   template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(mark)),
		policy: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
			hash(style), hash(script)),
	}, nil
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
