package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"chop/policies"
)

// config is chop.yaml. Unknown keys are refused, so that a misspelt one is never silently without effect.
type config struct {
	// PublicURL is where relying parties reach this appliance. It is written into certificates (AIA, CDP,
	// freshestCRL), so changing it later leaves the old certificates pointing at the old place.
	PublicURL string `yaml:"public_url"`
	// Listen is the TCP address of the public HTTP server; `serve --listen` overrides it.
	Listen string `yaml:"listen"`
	// Database says which PostgreSQL is used.
	Database databaseConfig `yaml:"database"`
	// HSM says which PKCS#11 module holds the keys.
	HSM hsmConfig `yaml:"hsm"`
	// Policy sets what certificates say about their policies.
	Policy policyConfig `yaml:"policy"`
	// Timestamping is the TSA.
	Timestamping timestampingConfig `yaml:"timestamping"`
}

type databaseConfig struct {
	// DSNFile is the path of a file that holds a PostgreSQL connection string (it contains a password, so it is
	// not written here). Empty: a private cluster in the data folder, on a Unix socket.
	DSNFile string `yaml:"dsn_file"`
	// MaxConns limits the connection pool. 0: 16.
	MaxConns int `yaml:"max_conns"`
}

type hsmConfig struct {
	// Module is the path of the PKCS#11 library. Empty: Debian's SoftHSM2, with one token folder a role under
	// tokens/. Otherwise the module has one token a role, labelled chop-<role>, with its PIN in secrets/<role>.pin.
	Module string `yaml:"module"`
	// CallTimeout is how long one call into the module may take before its worker is taken for hung. 0: 60 s.
	CallTimeout time.Duration `yaml:"call_timeout"`
}

type policyConfig struct {
	// Arc is the OID under which this CA's policies are numbered. Empty: the built-in example arc.
	Arc string `yaml:"arc"`
	// CPS is the URL of the certification practice statement. Empty: <public_url>/cps.
	CPS string `yaml:"cps"`
}

type timestampingConfig struct {
	// Clock is where trust in the time comes from. "kernel": adjtimex, for production, where an NTP daemon
	// disciplines the clock. "system": trusted until the wall and monotonic clocks drift apart by more than the
	// declared accuracy, or jump.
	Clock string `yaml:"clock"`
}

const configHeader = `# Chop's configuration. Written by "chop init"; read at every start; "chop config check" explains a mistake.
# public_url is written into every certificate: set it before the first init, and leave it.
# timestamping.clock: "system" trusts this machine's clock until it jumps or drifts; in production use "kernel",
# which refuses timestamps as soon as the kernel says that the clock is not synchronised.
`

func defaultConfig() config {
	return config{
		PublicURL:    "http://localhost:8080",
		Listen:       "127.0.0.1:8080",
		Timestamping: timestampingConfig{Clock: "system"},
	}
}

// errConfig marks a configuration that cannot be used.
var errConfig = errors.New("configuration refused")

// loadConfig reads path. It fails with fs.ErrNotExist when there is none.
func loadConfig(path string) (config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return config{}, fmt.Errorf("read configuration: %w", err)
	}
	c := config{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); errors.Is(err, io.EOF) {
		return config{}, fmt.Errorf("%w: %s is empty", errConfig, path)
	} else if err != nil {
		return config{}, fmt.Errorf("%w: %s: %v", errConfig, path, err)
	}
	if err := c.check(); err != nil {
		return config{}, fmt.Errorf("%w: %s: %v", errConfig, path, err)
	}
	return c, nil
}

// loadOrWriteConfig reads path, or writes the default there, changed by adapt.
func loadOrWriteConfig(path string, adapt func(*config)) (config, error) {
	c, err := loadConfig(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	c = defaultConfig()
	adapt(&c)
	if err := c.check(); err != nil {
		return config{}, fmt.Errorf("%w: %v", errConfig, err)
	}
	body, err := yaml.Marshal(c)
	if err != nil {
		return config{}, fmt.Errorf("encode configuration: %w", err)
	}
	return c, writeFile(path, append([]byte(configHeader), body...), 0o600)
}

// check refuses what could not work, naming the key.
func (c *config) check() error {
	u, err := url.Parse(c.PublicURL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return fmt.Errorf("public_url %q is not an http or https URL", c.PublicURL)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(c.PublicURL, "?"):
		return fmt.Errorf("public_url %q must end after the host: paths are appended to it", c.PublicURL)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return fmt.Errorf("public_url %q is an IP address: browsers refuse passkeys there; use a name, such as localhost", c.PublicURL)
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen %q is not host:port: %v", c.Listen, err)
	}
	if c.Timestamping.Clock != "system" && c.Timestamping.Clock != "kernel" {
		return fmt.Errorf(`timestamping.clock %q must be "system" or "kernel"`, c.Timestamping.Clock)
	}
	if c.HSM.CallTimeout < 0 || c.Database.MaxConns < 0 {
		return errors.New("hsm.call_timeout and database.max_conns may not be negative")
	}
	return nil
}

// policies loads what certificates say about their policies, as this configuration has it.
func (c *config) policies() (*policies.Set, error) {
	cps := c.Policy.CPS
	if cps == "" {
		cps = c.PublicURL + "/cps"
	}
	set, err := policies.Load(policies.Options{Arc: c.Policy.Arc, CPSURL: cps})
	if err != nil {
		return nil, fmt.Errorf("%w: policy: %w", errConfig, err)
	}
	return set, nil
}

// checkBeyond refuses what only a start would meet: policies that cannot be loaded, and files that are not there.
func (c *config) checkBeyond() error {
	if _, err := c.policies(); err != nil {
		return err
	}
	if c.Database.DSNFile != "" {
		if _, err := readSecretFile(c.Database.DSNFile); err != nil {
			return fmt.Errorf("%w: database.dsn_file: %w", errConfig, err)
		}
	}
	if c.HSM.Module != "" {
		if _, err := os.Stat(c.HSM.Module); err != nil {
			return fmt.Errorf("%w: hsm.module: %w", errConfig, err)
		}
	}
	return nil
}
