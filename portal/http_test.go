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

// onePage is a small PDF.
var onePage = []byte("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n" +
	"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>\nendobj\nxref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n" +
	"0000000054 00000 n \n0000000105 00000 n \ntrailer\n<</Size 4/Root 1 0 R>>\nstartxref\n182\n%%EOF\n")
