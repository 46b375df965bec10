package portal

import (
	"embed"
	"fmt"
	"net/http"

	"github.com/BurntSushi/toml"

	"chop/portal/forms"
)

//go:embed places.toml
var placesFile embed.FS

// places is where accounts are opened and upgraded.
type places struct {
	Groups []struct {
		Kind  string
		Title forms.Text
		About forms.Text
		Sites []forms.Text
	}
}

// home says what Chop is.
func (p *Portal) home(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.show(w, r, v, http.StatusOK, "home", view{})
}

// statement is a page of text only.
func (p *Portal) statement(page string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		return p.show(w, r, v, http.StatusOK, page, view{})
	}
}

// upgrade says why signing needs a full account, and where to get one.
func (p *Portal) upgrade(w http.ResponseWriter, r *http.Request, v *visit) error {
	var all places
	if _, err := toml.DecodeFS(placesFile, "places.toml", &all); err != nil {
		return fmt.Errorf("read places: %w", err)
	}
	return p.show(w, r, v, http.StatusOK, "upgrade", view{D: map[string]any{"Groups": all.Groups}})
}
