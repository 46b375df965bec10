package portal

import (
	"net/http"

	"chop/registration/places"
)

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

// regionView is a region with its districts, to choose from.
type regionView struct {
	Name      places.Text
	Districts []places.District
}

// placesPage finds the nearest place by district: first all districts, then what is in one,
// what is in its region or moves about, and what is beside it.
func (p *Portal) placesPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	list := p.places
	var regions []regionView
	for _, region := range list.Regions {
		regions = append(regions, regionView{region.Name, list.Of(region.ID)})
	}
	d := map[string]any{"Regions": regions, "District": nil}
	if id := r.PathValue("district"); id != "" {
		district := list.District(id)
		if district == nil {
			return refuse(http.StatusNotFound, "error.missing")
		}
		var near []places.District
		for _, n := range district.Near {
			near = append(near, *list.District(n))
		}
		d = map[string]any{"District": district, "Here": list.In(id), "Around": list.Around(district.Region), "Near": near}
	}
	return p.show(w, r, v, http.StatusOK, "places", view{D: d})
}
