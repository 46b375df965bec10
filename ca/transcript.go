package ca

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// transcript is the text of what was done, for people to compare and sign.
func (c *ceremony) transcript(t *made, begin, end time.Time) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("TRANSCRIPT OF KEY CEREMONY %s", c.plan.Reference)
	line("")
	c.heading(&b)
	line("Begun           %s", begin.UTC().Format(time.RFC3339))
	line("Ended           %s", end.UTC().Format(time.RFC3339))
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Tools)) {
		line("%-15s %s", name, c.cfg.Tools[name])
	}
	for _, one := range []struct {
		title string
		m     *madeCA
	}{{"ROOT CA", t.root}, {"ISSUING CA", t.issuing}} {
		k, cert := one.m.keyResult, one.m.cert
		line("")
		line("%s", one.title)
		line("  Key             %q in token %q, %s", k.Label, k.Role, k.Spec)
		line("  SPKI SHA-256    %s", k.SPKISHA256)
		line("  Subject         %s", cert.Subject)
		line("  Serial          %s", FormatSerial(cert.SerialNumber))
		line("  Valid           %s to %s", cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
		line("  SHA-256         %s", one.m.certificate.SHA256)
	}
	for _, r := range t.revoked {
		line("")
		line("REVOKED %s, %s", r.Serial, r.Reason)
	}
	line("")
	line("ARL")
	line("  Number          %d", t.arl.Number)
	line("  Valid           %s to %s", t.arl.ThisUpdate.UTC().Format(time.RFC3339), t.arl.NextUpdate.UTC().Format(time.RFC3339))
	line("  SHA-256         %s", t.arl.SHA256)
	line("")
	line("We were present from beginning to end, and compared what is written here.")
	for _, who := range c.plan.Persons {
		line("")
		line("  ____________________  %s, %s", who.Name, who.Duty)
	}
	return b.String()
}

func (c *ceremony) heading(b *strings.Builder) {
	fmt.Fprintf(b, "Kind            %s\n", c.plan.Ceremony)
	fmt.Fprintf(b, "Plan SHA-256    %x\n", sha256.Sum256(c.cfg.Plan))
	for _, who := range c.plan.Persons {
		fmt.Fprintf(b, "Present         %s, %s\n", who.Name, who.Duty)
	}
}

// announcement is a dry run's text: what the plan would do.
func (c *ceremony) announcement() string {
	var b strings.Builder
	fmt.Fprintf(&b, "DRY RUN OF KEY CEREMONY %s: nothing was done\n\n", c.plan.Reference)
	c.heading(&b)
	b.WriteString("\n")
	if c.plan.Ceremony == createCeremony {
		for _, one := range []struct {
			what string
			p    *PlanCA
		}{{"root CA", c.plan.Root}, {"issuing CA", c.plan.Issuing}} {
			k := one.p.Key
			fmt.Fprintf(&b, "would make key %q (%s) in token %q\n", k.Label, k.Spec, k.Role)
			fmt.Fprintf(&b, "would sign the certificate of the %s: %s (its rehearsal passed lint)\n", one.what, one.p.subject())
		}
	}
	for _, r := range c.plan.Revoke {
		fmt.Fprintf(&b, "would revoke CA certificate %s, %s\n", r.Serial, r.Reason)
	}
	fmt.Fprintf(&b, "would sign an ARL valid to %s\n", c.plan.ARL.Validity.End(c.cfg.Now()).UTC().Format(time.DateOnly))
	return b.String()
}

// publish writes root.pem and issuing.pem. issuing.pem is last: where it is,
// all is.
func (c *ceremony) publish(r *CeremonyResult) error {
	if c.cfg.PublicDir == "" {
		return nil
	}
	for _, one := range []struct {
		name string
		der  []byte
	}{{"root.pem", r.Root.Raw}, {"issuing.pem", r.Issuing.Raw}} {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.der})
		if err := writeWhole(c.cfg.PublicDir, one.name, text); err != nil {
			return fmt.Errorf("publish %s: %w", one.name, err)
		}
	}
	return nil
}

// writeWhole writes a file so that a kill at any moment leaves the old one or
// the new one.
func writeWhole(dir, name string, content []byte) error {
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
