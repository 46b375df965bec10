// Command chop is the signing and PKI appliance: one binary that creates the appliance, serves it, and is
// its operator's command line.
//
// This package is the only place where everything meets: configuration (config.go), the data folder
// (folder.go), the tokens (tokens.go), the wiring (appliance.go), every URL (routes.go), and one file a
// command. It holds no rule of its own: those live in the service packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"chop/hsm"
	"chop/internal/supervisor"
)

func main() {
	collectSeldom()
	// A worker is started for each token: it must not pay for the command line's set-up.
	if len(os.Args) == 2 {
		if body := processes[os.Args[1]]; body != nil {
			if err := body(); err != nil {
				fmt.Fprintf(os.Stderr, "chop %s: %v\n", os.Args[1], err)
				if errors.Is(err, hsm.ErrPIN) {
					os.Exit(supervisor.ExitFinal)
				}
				os.Exit(1)
			}
			return
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first Ctrl-C lets the command end in order. It takes the handler away, so that a second one kills.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// processes are what this program is when another chop starts it for a part of its work.
var processes = map[string]func() error{
	"hsm-worker":         func() error { return hsm.WorkerMain(context.Background()) },
	launchedWorker:       func() error { return hsm.LaunchedMain(context.Background()) },
	"role-supervisor":    superviseRole,
	"server-process":     serverProcess,
	"activation-process": activationProcess,
	"approval-process":   approvalProcess,
	"sealing-process":    sealingProcess,
}

// exitCode is an error that a command has already told the person about, with the code to leave with.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// run executes one command line and returns the process's exit code: 0 done; 1 failed, or a verdict that is
// not a pass; 2 nothing could be done with what was given (bad usage, unreadable or refused input).
func run(ctx context.Context, args []string) int {
	var cli commandLine
	k, kctx, err := parse(&cli, args)
	if err != nil {
		if code, ok := errors.AsType[exitCode](err); ok {
			return int(code)
		}
		fmt.Fprintf(os.Stderr, "chop: %v\nhint: `chop %s--help` shows the forms of the command\n", err, commandWords(k, args))
		return 2
	}
	level := slog.LevelWarn
	if cli.Verbose {
		level = slog.LevelDebug
	}
	env := &environment{
		ctx: ctx, in: os.Stdin, out: os.Stdout, json: cli.JSON,
		log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	err = kctx.Run(env)
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		fmt.Fprintln(os.Stderr, "chop: interrupted\nhint: run it again; what was begun is finished, or closed in the records")
		return 1
	}
	code, hint := explain(err)
	fmt.Fprintf(os.Stderr, "chop: %v\n", err)
	if hint != "" {
		fmt.Fprintf(os.Stderr, "hint: %s\n", hint)
	}
	return code
}

// useManyThreads lets twice as many goroutines run as there are processors: those that wait for the disk, in fsync or
// rename, keep their place in Go's scheduler for a while, and others would wait though a processor is free. It is for
// processes that open an appliance: neither a token's worker nor the bare token of bench. GOMAXPROCS in the environment
// goes before it.
var useManyThreads = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
})
