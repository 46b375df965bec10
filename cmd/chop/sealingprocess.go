package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"chop/internal/postgres"
	"chop/sealing"
)

// sealingHand is all that the sealing process is handed. It has no PIN: launchers have the tokens.
type sealingHand struct {
	Config  config
	DSN     string
	Sockets string // folder
	Verbose bool
}

// The sealing process's descriptor: its own folder, with the operators whose word counts.
const fileSealing = 0

// startSealing gives the process that uses departments' seals what it needs. The server, which the network reaches,
// cannot use them.
func (a *appliance) startSealing(server *serverHand) (func(context.Context) error, error) {
	own, err := a.roleFolder(processSealing)
	if err != nil {
		return nil, err
	}
	hand := sealingHand{Config: a.config, DSN: server.DSN, Sockets: server.Sockets, Verbose: server.Verbose}
	return func(ctx context.Context) error {
		defer own.Close()
		return a.runRole(ctx, processSealing, a.folder.path(), hand, []*os.File{own})
	}, nil
}

// sealingProcess is the body of `chop sealing-process`. It works in the data folder, of which it can enter public/.
func sealingProcess() error {
	useManyThreads()
	var hand sealingHand
	in, err := inheritRole(&hand)
	if err != nil {
		return err
	}
	ctx, cancel := in.Context(context.Background())
	defer cancel()
	level := slog.LevelWarn
	if hand.Verbose {
		level = slog.LevelDebug
	}
	log := newRoleLog(processSealing, level)
	home := in.File(fileSealing) // its descriptor is the folder's only way in
	defer home.Close()
	handed := &serverHand{Config: hand.Config, DSN: hand.DSN, Sockets: hand.Sockets, Files: map[string][]byte{}}
	app := &appliance{folder: ".", config: hand.Config, log: log, handed: handed, tokens: tokensBehind(hand.Sockets, hand.Config, log)}
	defer app.tokens.Close()
	if app.policies, err = app.config.policies(); err != nil {
		return err
	}
	if app.db, err = postgres.Open(ctx, postgres.Config{DSN: hand.DSN, MaxConns: 6}); err != nil {
		return err
	}
	defer app.db.Close()
	go func() {
		err := app.followUnit(ctx)
		if ctx.Err() == nil {
			log.Error("the timestamp unit is not followed", "error", err)
		}
	}()
	folder := fmt.Sprintf("/proc/self/fd/%d", home.Fd())
	book, err := app.authorizing(folder)
	if err != nil {
		return err
	}
	return unlessTold(ctx, app.runSealing(ctx, book, folder))
}

// authorizing has this process's signature service ask for operators' words. The folder says who they are.
func (a *appliance) authorizing(folder string) (*sealing.Book, error) {
	book, err := a.sealingBook(sealing.PinsFile(filepath.Join(folder, operatorsName)))
	if err != nil {
		return nil, err
	}
	a.authorizer = authorizer{book}
	return book, nil
}

// runSealing seals what operators had sealed until ctx ends.
func (a *appliance) runSealing(ctx context.Context, book *sealing.Book, folder string) error {
	service, err := a.sealing(ctx)
	if err != nil {
		return err
	}
	press, err := newPress(service, folder)
	if err != nil {
		return err
	}
	return book.Run(ctx, press, a.log)
}
