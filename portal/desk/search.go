package desk

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"chop/registration"
)

// A search by status and date of opening: no value of it is about a person, so it may stand in an address, and each page
// of answers has one. Who is found is looked at one by one, on the pages that count.

// searchWords are what can be searched, and the states of each.
var searchWords = map[string][]string{
	"accounts": {string(registration.Pending), string(registration.Active), string(registration.Suspended), string(registration.Closed)},
	"cases": {
		string(registration.Opened), string(registration.Entered), string(registration.Confirmed), string(registration.Verified), string(registration.Scanned),
		string(registration.Bound), string(registration.Accepted), string(registration.Enrolling), string(registration.Ticketed), string(registration.Made),
		string(registration.Issued), string(registration.Done), string(registration.Refused), string(registration.Ended),
	},
}

// searchPageSize is how many a page of answers has; registration gives no more.
const searchPageSize = 100

// searchView is the form, and what was found.
type searchView struct {
	What, State, From, To  string
	AccountStates, States  []string
	Accounts               []*registration.Account
	Cases                  []*registration.Case
	Asked                  bool
	Next                   string // the address of the next page; empty: this is the last
	WrongState, WrongDates bool
}

func searchPage(q *request) error {
	form := q.URL.Query()
	v := &searchView{
		What: form.Get("what"), State: form.Get("state"), From: form.Get("from"), To: form.Get("to"),
		AccountStates: searchWords["accounts"], States: searchWords["cases"], Asked: form.Has("what"),
	}
	if !v.Asked {
		v.What = "cases"
		return q.show(http.StatusOK, "search", "title-search", v, "")
	}
	filter, ok := v.filter(form.Get("after"))
	if !ok {
		return q.show(http.StatusUnprocessableEntity, "search", "title-search", v, q.desk.texts.in(q.lang, "error-filter"))
	}
	last, err := "", error(nil)
	switch v.What {
	case "accounts":
		if v.Accounts, err = q.desk.c.Registry.Search(q.Context(), q.caller(), filter); len(v.Accounts) == searchPageSize {
			last = v.Accounts[searchPageSize-1].ID
		}
	default:
		if v.Cases, err = q.desk.c.Registry.SearchCases(q.Context(), q.caller(), filter); len(v.Cases) == searchPageSize {
			last = v.Cases[searchPageSize-1].ID
		}
	}
	if err != nil {
		text, status, ok := q.words(err)
		if !ok {
			return err
		}
		return q.show(status, "search", "title-search", v, text)
	}
	if last != "" {
		v.Next = "/search?" + url.Values{"what": {v.What}, "state": {v.State}, "from": {v.From}, "to": {v.To}, "after": {last}}.Encode()
	}
	return q.show(http.StatusOK, "search", "title-search", v, "")
}

// filter reads the form: a state of what is searched, and whole days of Hong Kong, of which the last counts.
func (v *searchView) filter(after string) (registration.Filter, bool) {
	f := registration.Filter{State: v.State, After: after}
	states, known := searchWords[v.What]
	v.WrongState = !known || v.State != "" && !slices.Contains(states, v.State)
	for text, at := range map[string]*time.Time{v.From: &f.From, v.To: &f.To} {
		if text == "" {
			continue
		}
		day, err := time.ParseInLocation("2006-01-02", text, hongKong)
		v.WrongDates = v.WrongDates || err != nil
		*at = day
	}
	if v.To != "" {
		f.To = f.To.AddDate(0, 0, 1)
	}
	return f, !v.WrongState && !v.WrongDates
}
