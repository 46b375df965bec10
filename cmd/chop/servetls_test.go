package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// When the server is told to end, a running request ends first; and whoever does not speak TLS is logged by the
// listener's name.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trust := x509.NewCertPool()
	trust.AddCert(cert)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	said, says := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var finished atomic.Bool
	begun, goOn, ended := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		err := serveTLS(ctx, listener, "made-up clients", slog.New(slog.NewTextHandler(says, nil)), config,
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				begun <- true
				<-goOn
				finished.Store(true)
				_, _ = io.WriteString(w, "all of it")
			}))
		if !finished.Load() {
			err = errors.Join(err, errors.New("it ended before its request"))
		}
		ended <- err
	}()

	stranger, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stranger, "this is no TLS, and says so at some length\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !strings.Contains(line, "TLS handshake error") || !strings.Contains(line, `listener="made-up clients"`) {
		t.Errorf("logged: %q, %v", line, err)
	}
	go io.Copy(io.Discard, said)
	stranger.Close()

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, ServerName: "localhost"}}}
	defer client.CloseIdleConnections()
	answer := make(chan string, 1)
	go func() {
		r, err := client.Get("https://" + address)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- string(b)
	}()
	<-begun
	cancel()
	for { // until nobody is let in any more
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		conn.Close()
	}
	goOn <- true
	if got := <-answer; got != "all of it" {
		t.Errorf("the request that ran got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
