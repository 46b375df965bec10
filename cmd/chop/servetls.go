package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// tlsGrace is how long running requests may go on after the server was told to end. A supervisor waits for longer.
const tlsGrace = 5 * time.Second

// serveTLS answers for what, a name for logs and errors, at the listener until ctx ends; then it takes no more requests, and returns when
// those that run have ended. What the TLS layer has to say, such as of clients without a certificate, is logged under that name.
func serveTLS(ctx context.Context, listener net.Listener, what string, log *slog.Logger, config *tls.Config, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, TLSConfig: config, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second,
		ErrorLog: slog.NewLogLogger(log.With("listener", what).Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), tlsGrace)
		defer cancel()
		ended <- server.Shutdown(grace)
	})
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve %s: %w", what, err)
	}
	// ServeTLS returns when Shutdown begins.
	if err := <-ended; err != nil {
		log.Warn("requests were cut off", "listener", what, "error", err)
		server.Close()
	}
	return nil
}
