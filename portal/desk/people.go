package desk

import (
	"net/http"

	"chop/registration"
)

// items are what a person is found, or a caller known by.
var items = []registration.Item{
	registration.ItemHKIC, registration.ItemPhone, registration.ItemEmail, registration.ItemNumber, registration.ItemBirth, registration.ItemPlace,
}

// findItems are what an account is found by.
var findItems = append(items[:4:4], registration.ItemAccount, registration.ItemCase)

// findView is the search.
type findView struct {
	Items []registration.Item
	Item  string
	Found []*registration.Account // if there is more than one
}

func peoplePage(q *request) error {
	return q.show(http.StatusOK, "people", "title-people", findView{Items: findItems}, "")
}

// findPerson looks for one exact value. It is posted, so that it is in no address and no log.
func findPerson(q *request) error {
	list, err := q.desk.c.Registry.Find(q.Context(), q.caller(), registration.Item(q.field("item")), q.field("value"))
	if err != nil {
		text, status, ok := q.words(err)
		if !ok {
			return err
		}
		return q.show(status, "people", "title-people", findView{Items: findItems, Item: q.field("item")}, text)
	}
	if len(list) == 1 {
		return q.seeOther("/people/" + list[0].ID)
	}
	// A telephone may be a family's.
	return q.show(http.StatusOK, "people", "title-people", findView{Items: findItems, Item: q.field("item"), Found: list}, "")
}

// personView is an account at the desk: no personal datum.
type personView struct {
	*registration.Account
	Cases    []*registration.Case
	Officers []string // who may be the second
}

func personPage(q *request) error {
	reg := q.desk.c.Registry
	a, err := reg.Account(q.Context(), q.caller(), q.param("account"))
	if err != nil {
		return err
	}
	v := personView{Account: a}
	if v.Cases, err = reg.AccountCases(q.Context(), q.caller(), a.ID); err != nil {
		return err
	}
	all, err := reg.Officers().Officers(q.Context())
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID != q.officer.ID && o.State == "active" {
			v.Officers = append(v.Officers, o.ID)
		}
	}
	return q.show(http.StatusOK, "person", "title-person", v, "")
}

func beginResume(q *request) error {
	o, err := q.desk.c.Registry.BeginResume(q.Context(), q.caller(), q.param("account"), q.field("second"), q.field("reason"))
	if err != nil {
		return err
	}
	return q.seeOther("/orders/" + o.Operation)
}

// orderView is an order that two officers sign.
type orderView struct {
	*registration.OrderOffer
	Challenge challenge
	Mine      bool
}

func orderPage(q *request) error {
	o, err := q.desk.c.Registry.Order(q.Context(), q.caller(), q.param("id"))
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "order", "title-order", orderView{o, q.challenge(o.Challenge, q.officer.PasskeyID), q.officer.ID == o.First || q.officer.ID == o.Second}, "")
}

func signOrder(q *request) error {
	a, err := q.assertion()
	if err != nil {
		return err
	}
	done, err := q.desk.c.Registry.SignOrder(q.Context(), q.caller(), q.param("id"), a)
	if err != nil {
		return err
	}
	name := "order-signed"
	if done {
		name = "order-done"
	}
	return q.show(http.StatusOK, "ordered", "title-order", name, "")
}
