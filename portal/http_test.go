package portal

import (
	"net/http"
	"net/http/httptest"
)

func request(method, target, languages string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	if languages != "" {
		r.Header.Set("Accept-Language", languages)
	}
	return r
}
