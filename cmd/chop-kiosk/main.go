// Command chop-kiosk is the agent on a self-service kiosk: it waits for an identity
// card in the reader (PC/SC, pcscd), reads and judges it (registration/hkic), and
// brings it to the server over mutual TLS (registration/kiosk/agent). It opens no
// socket and keeps nothing; the kiosk's page asks the server for its session.
//
// It is a program of its own because it alone needs libpcsclite.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"chop/registration/hkic"
	"chop/registration/kiosk/agent"
)

type commandLine struct {
	Server string `required:"" placeholder:"URL" help:"The server's kiosk address, https."`
	Cert   string `required:"" type:"path" placeholder:"FILE" help:"This kiosk's client certificate, PEM."`
	Key    string `required:"" type:"path" placeholder:"FILE" help:"Its key, PEM."`
	CA     string `name:"ca" required:"" type:"path" placeholder:"FILE" help:"The CA of the server's certificate, PEM."`
	Issuer string `required:"" type:"path" placeholder:"FILE" help:"Country signing certificates whose cards are believed, PEM."`
	Reader string `placeholder:"NAME" help:"The reader, by the beginning of its name; without it, the first."`
}

const description = `Reads identity cards on a kiosk and brings them to the server.

Example:
  chop-kiosk --server https://kiosk.example.hk:8445 --cert kiosk.pem --key kiosk.key --ca infra-root.pem --issuer country-ca.pem`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

// run works until ctx ends: 0 then, 1 failed, 2 bad usage.
func run(ctx context.Context, args []string, errOut io.Writer) int {
	var cli commandLine
	exit := -1
	k, err := kong.New(&cli, kong.Name("chop-kiosk"), kong.Description(description), kong.UsageOnError(), kong.Writers(errOut, errOut),
		kong.Exit(func(code int) { exit = code }))
	if err == nil {
		_, err = k.Parse(args)
	}
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(errOut, "chop-kiosk: %v\nhint: `chop-kiosk --help` shows the form of the command\n", err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(errOut, nil))
	a, client, err := cli.agent(log)
	if err != nil {
		fmt.Fprintf(errOut, "chop-kiosk: %v\nhint: check the files of --cert, --key, --ca and --issuer, and that --server begins with https://\n", err)
		return 2
	}
	defer client.Close()
	log.Info("waiting for cards")
	serve(ctx, a, cli.Reader, log)
	a.Wait()
	return 0
}

func (c *commandLine) agent(log *slog.Logger) (*agent.Agent, *agent.Client, error) {
	cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("read client certificate: %w", err)
	}
	servers, err := certificates(c.CA)
	if err != nil {
		return nil, nil, err
	}
	issuers, err := certificates(c.Issuer)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	for _, root := range servers {
		roots.AddCert(root)
	}
	client, err := agent.NewClient(c.Server, &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots})
	if err != nil {
		return nil, nil, err
	}
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the client certificate's key is not for ECDSA")
	}
	a, err := agent.New(agent.Config{
		Server: client, Trust: hkic.Trust{Issuers: issuers}, Key: key, ID: cert.Leaf.Subject.CommonName, Log: log,
	})
	return a, client, err
}

// certificates reads all certificates of a PEM file.
func certificates(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("read " + path + ": no certificate in it")
	}
	return out, nil
}
