package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"chop/internal/cms"
	"chop/internal/ocsp"
)

// http is the part over HTTP on loopback, with wrk as the generator: timestamps beside sigstore's
// timestamp-authority, and OCSP.
func (b *bench) http(ctx context.Context) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return hinted{err, "apt-get install wrk", 2}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	turn, err := b.app.folder.serveAlone(ctx)
	if err != nil {
		return err
	}
	defer turn.Close()
	ctx, stop := context.WithCancel(ctx)
	serving := make(chan error, 1)
	go func() { serving <- b.app.serve(ctx, turn, doors{public: listener}) }()
	base := "http://" + listener.Addr().String()
	if err = awaitAnswer(ctx, base+"/healthz"); err == nil { // its processes take a while on a busy machine
		err = b.loads(ctx, base)
	}
	stop()
	return errors.Join(err, <-serving)
}

func (b *bench) loads(ctx context.Context, base string) error {
	query, err := timestampQuery()
	if err != nil {
		return err
	}
	ours := func() (float64, error) { return b.wrk(ctx, base+"/tsa", "application/timestamp-query", query) }
	if b.Rival == "" {
		rate, err := ours()
		if err != nil {
			return err
		}
		b.add(benchRow{Name: "timestamps over HTTP (no --rival to compare with)", Value: rate, Unit: "/s"})
	} else if err := b.timestampsBesideRival(ctx, ours, query); err != nil {
		return err
	}
	request, err := b.statusQuery()
	if err != nil {
		return err
	}
	rate, err := b.wrk(ctx, base+"/ocsp", "application/ocsp-request", request)
	if err != nil {
		return err
	}
	b.add(benchRow{Name: "OCSP answers over HTTP", Value: rate, Unit: "/s"})
	return nil
}

func (b *bench) timestampsBesideRival(ctx context.Context, ours func() (float64, error), query []byte) error {
	port, stop, err := b.startRival(ctx)
	if err != nil {
		return err
	}
	defer stop()
	const name = "timestamps over HTTP, sigstore timestamp-authority, software key"
	theirs := func() (float64, error) {
		return b.wrk(ctx, "http://127.0.0.1:"+port+"/api/v1/timestamp", "application/timestamp-query", query)
	}
	rates, ratios, err := b.inTurns(theirs, ours)
	if err != nil {
		return err
	}
	b.add(benchRow{Name: name, Value: rates[0], Unit: "/s"})
	b.add(benchRow{Name: "timestamps over HTTP, key in the token", Value: rates[1], Unit: "/s", Ratio: ratios[1], Beside: "sigstore's", Goal: 1.5})
	return nil
}

func (b *bench) startRival(ctx context.Context) (port string, stop func(), err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, port, _ = net.SplitHostPort(free.Addr().String())
	if err := free.Close(); err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, b.Rival, "serve", "--host", "127.0.0.1", "--port", port,
		"--timestamp-signer", "memory", "--disable-ntp-monitoring", "--log-type", "prod")
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start %s: %w", b.Rival, err)
	}
	stop = func() { _, _ = cmd.Process.Kill(), cmd.Wait() }
	if err := awaitAnswer(ctx, "http://127.0.0.1:"+port+"/ping"); err != nil {
		stop()
		return "", nil, fmt.Errorf("%s does not answer: %w", b.Rival, err)
	}
	return port, stop, nil
}

// awaitAnswer waits until a server that was just started answers at url with success, for a minute at most.
func awaitAnswer(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = response.Body.Close()
			if response.StatusCode < 300 {
				return err
			}
			err = fmt.Errorf("%s: %s", url, response.Status)
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
}

var wrkRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// wrk posts body to url for b.Time from 64 connections and returns answers per second. One answer that is not
// 2xx spoils the measurement.
func (b *bench) wrk(ctx context.Context, url, contentType string, body []byte) (float64, error) {
	script := filepath.Join(b.dir, "post.lua")
	lua := fmt.Sprintf("wrk.method = %q\nwrk.headers[\"Content-Type\"] = %q\nwrk.body = (%q):gsub('..', function(h) return string.char(tonumber(h, 16)) end)\n",
		http.MethodPost, contentType, hex.EncodeToString(body))
	if err := os.WriteFile(script, []byte(lua), 0o600); err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c64", "-d"+strconv.Itoa(max(1, int(b.Time.Seconds())))+"s", "-s", script, url).Output()
	if err != nil {
		return 0, fmt.Errorf("wrk %s: %w", url, err)
	}
	found := wrkRate.FindSubmatch(out)
	if found == nil || bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		return 0, fmt.Errorf("wrk %s: %s", url, strings.TrimSpace(string(out)))
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

func timestampQuery() ([]byte, error) {
	digest := sha256.Sum256([]byte("bench"))
	request := cms.TimestampRequest{HashAlgorithm: crypto.SHA256, Imprint: digest[:], Nonce: big.NewInt(1 << 40), CertReq: true}
	return request.Marshal()
}

// statusQuery asks for the status of the timestamp unit's certificate, in DER.
func (b *bench) statusQuery() ([]byte, error) {
	issuing, err := readCertificate(b.app.folder.path("public", "issuing.pem"))
	if err != nil {
		return nil, err
	}
	unit, err := readCertificate(b.app.folder.path("public", "tsa.pem"))
	if err != nil {
		return nil, err
	}
	id, err := ocsp.NewCertID(crypto.SHA256, issuing, unit.SerialNumber)
	if err != nil {
		return nil, err
	}
	return (&ocsp.Request{CertIDs: []ocsp.CertID{id}}).Marshal()
}
