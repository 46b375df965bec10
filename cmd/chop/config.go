package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// config is chop.yaml. Unknown keys are refused, so that a misspelt one is never silently without effect.
type config struct {
	// PublicURL is where relying parties reach this appliance. It is written into certificates (AIA, CDP,
	// freshestCRL), so changing it later leaves the old certificates pointing at the old place.
	PublicURL string `yaml:"public_url"`
	// PortalURL is the residents' site. Empty: the host of public_url, by https unless that is localhost: browsers
	// refuse passkeys elsewhere.
	PortalURL string `yaml:"portal_url,omitempty"`
	// ApproveURL is the approval origin, where residents see what they sign and approve it: a host of its own, under
	// which nothing else is served. Signing passkeys are bound to it for ever. Empty: portal_url with "approve." before
	// its host.
	ApproveURL string `yaml:"approve_url"`
	// Listen is the TCP address of the public HTTP server; `serve --listen` overrides it.
	Listen string `yaml:"listen"`
	// TrustedProxy are the addresses of the reverse proxies before Listen, as prefixes (127.0.0.1/32). Limits by address
	// believe what these say of the client in X-Forwarded-For. Empty: nobody is believed, and all who come through a proxy
	// are one client.
	TrustedProxy []string `yaml:"trusted_proxy,omitempty"`
	// OfficerListen is the TCP address of the officers' desk: TLS with client certificates. Empty: no desk.
	OfficerListen string `yaml:"officer_listen"`
	// OfficerURL is the desk's address as officers' browsers have it; their passkeys are made for its host. Empty:
	// https://localhost at the port of officer_listen.
	OfficerURL string `yaml:"officer_url,omitempty"`
	// KioskListen is the TCP address of the kiosks: TLS with client certificates. Nobody listens there without card_issuers.
	KioskListen string `yaml:"kiosk_listen,omitempty"`
	// KioskURL is that address as kiosks have it. Empty: https://localhost at the port of kiosk_listen.
	KioskURL string `yaml:"kiosk_url,omitempty"`
	// CardIssuers is a file with the country signing certificates, in PEM, whose identity cards are believed. Empty:
	// no card's chip is, and there are no kiosks.
	CardIssuers string `yaml:"card_issuers,omitempty"`
	// Roles says as whom the appliance's parts run.
	Roles rolesConfig `yaml:"roles"`
	// Immigration is where identity is verified.
	Immigration immigrationConfig `yaml:"immigration,omitempty"`
	// Registration is what remote registration works with.
	Registration registrationConfig `yaml:"registration,omitempty"`
	// Validation is what the validation service trusts, and how much it takes.
	Validation validationConfig `yaml:"validation,omitempty"`
	// Departments is how departments' operators have letters sealed. Their desk is at validation.department_listen.
	Departments departmentsConfig `yaml:"departments,omitempty"`
	// Mail is how notices leave.
	Mail mailConfig `yaml:"mail,omitempty"`
	// Enrolment is what residents' devices must be able to do.
	Enrolment enrolmentConfig `yaml:"enrolment"`
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
	// ActivationDSNFile is the same for the activation process, which has a role of its own there. Wanted with DSNFile.
	ActivationDSNFile string `yaml:"activation_dsn_file,omitempty"`
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

type rolesConfig struct {
	// FirstUID is the first of the numeric users that the roles run as, when chop is started by root; docs/operations.md
	// has the list. 0: 64100. Negative: all roles run as whoever starts chop.
	FirstUID int `yaml:"first_uid"`
}

type immigrationConfig struct {
	// URL is the Immigration Department's, https. Empty: the reference server of this machine, https://localhost:8444.
	URL string `yaml:"url"`
	// CAFile, CertFile and KeyFile are for mutual TLS; AnswerKeys are the keys that sign answers, by id: files with a
	// public key in PEM. Empty: those that "chop init" made for the reference server.
	CAFile     string            `yaml:"ca_file"`
	CertFile   string            `yaml:"cert_file"`
	KeyFile    string            `yaml:"key_file"`
	AnswerKeys map[string]string `yaml:"answer_keys"`
}

type registrationConfig struct {
	// FaceWeights is the folder of the face nets' weights. Empty: share/face beside the program, where "make build"
	// puts them, or share/chop/face beside its folder.
	FaceWeights string `yaml:"face_weights,omitempty"`
}

type validationConfig struct {
	// Trust are files with certificates (PEM or DER) or trusted lists (TS 119 612), beside this appliance's own root.
	// They are read when the server starts.
	Trust []string `yaml:"trust,omitempty"`
	// Operator are files with the certificates of who must have signed the lists.
	Operator []string `yaml:"operator,omitempty"`
	// MaxBytes is the most of one document with its files. 0: 32 MiB. MaxMemory is the most of all at once. 0: 8 times that.
	MaxBytes  int64 `yaml:"max_bytes,omitempty"`
	MaxMemory int64 `yaml:"max_memory,omitempty"`
	// MaxTime is how long one document may take. 0: 30 s.
	MaxTime time.Duration `yaml:"max_time,omitempty"`
	// PerMinute is how many documents one address may send in a minute. 0: 30.
	PerMinute int `yaml:"per_minute,omitempty"`
	// DepartmentListen is the TCP address of departments' programs: TLS with client certificates (chop department add).
	// Empty: none. DepartmentHost is the name that they know it by, if it is not localhost.
	DepartmentListen string `yaml:"department_listen,omitempty"`
	DepartmentHost   string `yaml:"department_host,omitempty"`
	// DepartmentPerMinute is how many documents one department may send in a minute. 0: 600.
	DepartmentPerMinute int `yaml:"department_per_minute,omitempty"`
}

type departmentsConfig struct {
	// URL is the desk's address as operators' browsers have it; their passkeys are made for its host. Empty:
	// https://localhost, or department_host, at the port of validation.department_listen.
	URL string `yaml:"url,omitempty"`
	// SingleOperator are the departments in which one operator's word has letters sealed. In all others one asks and
	// another approves.
	SingleOperator []string `yaml:"single_operator,omitempty"`
}

type mailConfig struct {
	// Server is an SMTP server, host:port. Empty: messages are written into out/mail, one file each.
	Server string `yaml:"server"`
	// From is the sender's address.
	From string `yaml:"from"`
	// User and PasswordFile sign in there, if it wants that.
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
}

type enrolmentConfig struct {
	// BackupEligible says whether passkeys that a cloud account may copy are accepted: "refuse", or
	// "with-device-key", which demands a second key that stays in the browser.
	BackupEligible string `yaml:"backup_eligible"`
	// Attestation says what is asked of an authenticator's maker: "none" or "recorded".
	Attestation string `yaml:"attestation"`
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
		PublicURL:     "http://localhost:8080",
		Listen:        "127.0.0.1:8080",
		OfficerListen: "127.0.0.1:8443",
		Enrolment:     enrolmentConfig{BackupEligible: "with-device-key", Attestation: "recorded"},
		Timestamping:  timestampingConfig{Clock: "system"},
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
	c.ApproveURL = c.approveURL()
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
	if err := checkURL("public_url", c.PublicURL); err != nil {
		return err
	}
	if err := checkOrigin("portal_url", c.PortalURL); c.PortalURL != "" && err != nil {
		return err
	}
	if err := checkOrigin("approve_url", c.ApproveURL); c.ApproveURL != "" && err != nil {
		return err
	}
	if c.approveURL() == c.portalURL() {
		return errors.New("approve_url and portal_url are the same: what asks for a signature must not be what approves it")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen %q is not host:port: %v", c.Listen, err)
	}
	if err := checkProxies(c.TrustedProxy); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(c.OfficerListen); c.OfficerListen != "" && err != nil {
		return fmt.Errorf("officer_listen %q is not host:port: %v", c.OfficerListen, err)
	}
	if _, _, err := net.SplitHostPort(c.kioskListen()); c.KioskListen != "none" && err != nil {
		return fmt.Errorf("kiosk_listen %q is not host:port: %v", c.KioskListen, err)
	}
	if u, err := url.Parse(c.kioskOrigin()); err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("kiosk_url %q is not an https address", c.KioskURL)
	}
	if !slices.Contains([]string{"", "refuse", "with-device-key"}, c.Enrolment.BackupEligible) {
		return fmt.Errorf(`enrolment.backup_eligible %q must be "refuse" or "with-device-key"`, c.Enrolment.BackupEligible)
	}
	if !slices.Contains([]string{"", "none", "recorded"}, c.Enrolment.Attestation) {
		return fmt.Errorf(`enrolment.attestation %q must be "none" or "recorded"`, c.Enrolment.Attestation)
	}
	if c.Timestamping.Clock != "system" && c.Timestamping.Clock != "kernel" {
		return fmt.Errorf(`timestamping.clock %q must be "system" or "kernel"`, c.Timestamping.Clock)
	}
	if c.HSM.CallTimeout < 0 || c.Database.MaxConns < 0 {
		return errors.New("hsm.call_timeout and database.max_conns may not be negative")
	}
	if v := c.Validation; v.MaxBytes < 0 || v.MaxMemory < 0 || v.MaxTime < 0 || v.PerMinute < 0 || v.DepartmentPerMinute < 0 {
		return errors.New("the limits of validation may not be negative")
	}
	if _, _, err := net.SplitHostPort(c.Validation.DepartmentListen); c.Validation.DepartmentListen != "" && err != nil {
		return fmt.Errorf("validation.department_listen %q is not host:port: %v", c.Validation.DepartmentListen, err)
	}
	if err := checkOrigin("departments.url", c.Departments.URL); c.Departments.URL != "" && err != nil {
		return err
	}
	if v := c.Validation; v.MaxTime > time.Minute {
		return fmt.Errorf("validation.max_time %v is longer than a minute, after which nobody waits for the answer", v.MaxTime)
	}
	return nil
}
