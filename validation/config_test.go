package validation_test

import (
	"testing"

	"chop/policies"
	"chop/validation"
)

func suite(t testing.TB, name string) *policies.Suite {
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := set.Suite(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newValidator(t testing.TB, cfg validation.Config) *validation.Validator {
	if cfg.Suite == nil {
		cfg.Suite = suite(t, "default")
	}
	v, err := validation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
