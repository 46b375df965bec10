package approval

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"chop/internal/web"
)

func sortFiles(list []*file) {
	slices.SortFunc(list, func(a, b *file) int { return cmp.Compare(a.Path, b.Path) })
}

// trustedTypes is the one policy by which the page may make a script's address:
// that of pdf.js's worker.
const trustedTypes = "chop-pdf-worker"

// policy is the Content-Security-Policy of every answer.
func (o *Origin) policy() string {
	script := "'none'"
	if o.bundle != nil {
		// 'wasm-unsafe-eval' compiles the image decoders of pdf.js, which come from
		// 'self' by connect-src. It allows no script.
		script = o.bundle.script + " 'wasm-unsafe-eval'"
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + script,
		"worker-src 'self'",
		"connect-src 'self'",
		"style-src 'self'",
		"img-src 'self' blob: data:",
		"font-src 'self' blob: data:",
		"frame-ancestors 'none'",
		"base-uri 'none'",
		"form-action 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types " + trustedTypes,
	}, "; ")
}

// off are the features that no page of this origin uses.
var off = []string{"accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media",
	"fullscreen", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi",
	"payment", "picture-in-picture", "screen-wake-lock", "serial", "storage-access", "usb", "xr-spatial-tracking"}

// headers are on every answer, errors too. There is no Set-Cookie, ever.
func (o *Origin) headers(next http.Handler) http.Handler {
	features := []string{"publickey-credentials-get=(self)", "publickey-credentials-create=(self)"}
	for _, f := range off {
		features = append(features, f+"=()")
	}
	fixed := map[string]string{
		"Content-Security-Policy":      o.policy(),
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Permissions-Policy":           strings.Join(features, ", "),
		"Cache-Control":                "no-store",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range fixed {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost refuses requests for another host (DNS rebinding, a proxy's mistake),
// and those that a page of another origin sends.
func (o *Origin) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Host, o.approve.Host) {
			web.Fail(w, r, web.Error(http.StatusMisdirectedRequest, "This address is not served here.", nil))
			return
		}
		if from := r.Header.Get("Origin"); from != "" && from != o.approve.Scheme+"://"+o.approve.Host {
			web.Fail(w, r, web.Error(http.StatusForbidden, "Only the approval page itself may ask this.", nil))
			return
		}
		next.ServeHTTP(w, r)
	})
}
