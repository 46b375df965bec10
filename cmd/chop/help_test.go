package main_test

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// commandLine matches a command in a help page's list, for example "  sign pdf --dir=DIR … [flags]".
var commandLine = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*(?: [a-z][a-z-]*)*)(?: [<\[-].*)?$`)

// Every command has a help page with a real example of it.
func TestHelp(t *testing.T) {
	t.Parallel()
	var pages []string
	var visit func(words []string)
	visit = func(words []string) {
		ctx, cancel := context.WithTimeout(t.Context(), hang)
		defer cancel()
		r := run(t, exec.CommandContext(ctx, program, append(slices.Clone(words), "--help")...))
		name := strings.Join(append([]string{"chop"}, words...), " ")
		pages = append(pages, name)
		if r.code != 0 || r.stderr != "" || !strings.HasPrefix(r.stdout, "Usage: "+name) {
			t.Errorf("%v", r)
		}
		description, list, group := strings.Cut(r.stdout, "\nCommands:\n")
		if !group {
			_, examples, _ := strings.Cut(description, "\nExample")
			examples, _, _ = strings.Cut(examples, "\nFlags:")
			if !strings.Contains(examples, "  "+name) {
				t.Errorf("`%s --help` shows no example of the command", name)
			}
			return
		}
		for _, m := range commandLine.FindAllStringSubmatch(list, -1) {
			visit(strings.Fields(m[1]))
		}
	}
	visit(nil)
	// The forms that others' scripts use.
	for _, form := range []string{
		"init", "serve", "demo", "seal create", "sign pdf", "extend pdf", "ceremony", "validate", "ca issue", "ca suspend",
		"ca resume", "ca revoke", "ca status", "ca crl", "audit verify", "config check",
	} {
		if !slices.Contains(pages, "chop "+form) {
			t.Errorf("no help page of `chop %s` among %q", form, pages)
		}
	}
}
