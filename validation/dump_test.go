package validation_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"chop/validation"
)

func TestDump(t *testing.T) {
	f := os.Getenv("DUMP")
	if f == "" {
		t.Skip()
	}
	at, _ := time.Parse(time.RFC3339, os.Getenv("AT"))
	o := validation.Options{At: at, Revocation: validation.Revocation(os.Getenv("REV"))}
	o.Trust = readCertificates(t, corpora(t)+"/pyHanko", os.Getenv("TRUST"))
	r, err := validateFile(t, newValidator(t, validation.Config{}), f, o)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.MarshalIndent(r, "", " ")
	t.Log(string(b))
	for _, c := range r.Document.Changes {
		t.Logf("%+v", c)
	}
}
