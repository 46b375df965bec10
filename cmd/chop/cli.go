package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"
)

// commandLine is the whole command line, as kong reads it. Other people's scripts use these forms: flags may
// be added, none may change.
type commandLine struct {
	JSON    bool `help:"Print the result as JSON, for programs."`
	Verbose bool `short:"v" help:"Log what happens to standard error."`

	Init          initCommand          `cmd:"" help:"Create the appliance in a data folder: database, tokens, ceremony. Safe to run again."`
	Serve         serveCommand         `cmd:"" help:"Serve residents, officers and relying parties until interrupted."`
	Demo          demoCommand          `cmd:"" help:"Create the appliance, sign and validate a PDF, and stay serving."`
	Seal          sealCommand          `cmd:"" help:"Department seals: credentials that sign for an organisation."`
	Sign          signCommand          `cmd:"" help:"Sign a document with a department's seal."`
	Extend        extendCommand        `cmd:"" help:"Bring a signed document to a higher level, or renew its archive timestamp."`
	Validate      validateCommand      `cmd:"" help:"Judge a document's signatures by EN 319 102-1."`
	Store         storeCommand         `cmd:"" help:"The long-term store: signed files kept, renewed before their proof fades, and proven."`
	Trust         trustCommand         `cmd:"" help:"Trusted lists: who was recognised, and when."`
	Corpus        corpusCommand        `cmd:"" help:"Judge other projects' signed files, and compare the verdicts with theirs."`
	CA            caCommand            `cmd:"" name:"ca" help:"Issue certificates, change and show their status, publish the CRL."`
	Device        deviceCommand        `cmd:"" help:"A scripted device that approves: for trials, and where no browser has passkeys with PRF."`
	Officer       officerCommand       `cmd:"" help:"Registration officers: propose, approve, plan shifts, pin their passkeys."`
	Reader        readerCommand        `cmd:"" help:"Card readers at counters: their client certificates."`
	Department    departmentCommand    `cmd:"" help:"Departments' programs: their client certificates for the validation service."`
	Kiosk         kioskCommand         `cmd:"" help:"Self-service kiosks: their client certificates, and whose signed tickets count."`
	ImmdReference immdReferenceCommand `cmd:"" name:"immd-reference" help:"Stand in for the Immigration Department, with made-up people."`
	Ceremony      ceremonyCommand      `cmd:"" help:"Create the root and the issuing CA from one reviewed file."`
	Audit         auditCommand         `cmd:"" help:"The audit log."`
	Retention     retentionCommand     `cmd:"" help:"How long what belongs to people is kept; delete what is due."`
	Config        configCommand        `cmd:"" help:"The configuration file."`
	Bench         benchCommand         `cmd:"" help:"Measure this machine: the token, signing, issuing, timestamps, large files."`

	HSMWorker         struct{}            `cmd:"" name:"hsm-worker" hidden:"" help:"One token's worker process; started by the other commands."`
	HSMLaunched       struct{}            `cmd:"" name:"hsm-worker-launched" hidden:"" help:"One token's worker process for the server's; started by serve."`
	ServerProcess     struct{}            `cmd:"" name:"server-process" hidden:"" help:"Whatever answers the network; started by its supervisor."`
	RoleSupervisor    struct{}            `cmd:"" name:"role-supervisor" hidden:"" help:"Keeps one role's process running; started by serve."`
	ActivationProcess struct{}            `cmd:"" name:"activation-process" hidden:"" help:"The process that may use residents' keys; started by its supervisor."`
	ApprovalProcess   struct{}            `cmd:"" name:"approval-process" hidden:"" help:"The approval origin's process; started by its supervisor."`
	HSMCreate         hsmCreateCommand    `cmd:"" name:"hsm-create" hidden:"" help:"Makes one token; started by init."`
	BenchApprove      benchApproveCommand `cmd:"" name:"bench-approve" hidden:"" help:"An activation process, for bench."`
	BenchToken        benchTokenCommand   `cmd:"" name:"bench-token" hidden:"" help:"A bare token, for bench."`
}

// folderFlag is the data folder that nearly every command works in.
type folderFlag struct {
	Dir string `required:"" placeholder:"DIR" type:"path" help:"The appliance's data folder."`
}

// environment is what a command gets besides its flags.
type environment struct {
	ctx  context.Context
	in   io.Reader
	out  io.Writer
	json bool
	log  *slog.Logger
}

// print writes text for a person, or v as JSON for a program.
func (e *environment) print(v any, text string, args ...any) error {
	if e.json {
		enc := json.NewEncoder(e.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	_, err := fmt.Fprintf(e.out, text+"\n", args...)
	return err
}

const description = `Chop signs documents so that anyone who receives one can prove, twenty years on, that the signature holds.

Examples:
  chop init --dir data
  chop seal create --dir data --name "Transport Department"
  chop sign pdf --dir data --credential 0199… --level B-LT --in form.pdf --out signed.pdf
  chop validate --trust data/public/root.pem signed.pdf
  chop serve --dir data --listen 127.0.0.1:8080`

// parse reads the command line. --help prints and comes back as exitCode 0.
func parse(cli *commandLine, args []string) (*kong.Kong, *kong.Context, error) {
	exit := -1
	k, err := kong.New(cli, kong.Name("chop"), kong.Description(description), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.Exit(func(code int) { exit = code }))
	if err != nil {
		return nil, nil, fmt.Errorf("build the command line: %w", err)
	}
	kctx, err := k.Parse(args)
	if exit >= 0 {
		return k, nil, exitCode(exit)
	}
	return k, kctx, err
}

// commandWords returns the leading words of args that name commands, each followed by a space, so that a hint
// can name the help page that fits.
func commandWords(k *kong.Kong, args []string) string {
	if k == nil {
		return ""
	}
	var words strings.Builder
	node := k.Model.Node
next:
	for _, arg := range args {
		for _, child := range node.Children {
			if child.Name == arg {
				words.WriteString(arg + " ")
				node = child
				continue next
			}
		}
		break
	}
	return words.String()
}
