package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sync/errgroup"

	"chop/internal/postgres"
)

// serverHand is all that the server's process is handed, where it is a user of its own: no PIN, no role of the database
// but its own, and of the files that only root can read, those that configure it.
type serverHand struct {
	Config    config
	DSN       string
	Sockets   string            // folder
	Reference string            // address of the reference server for immigration
	Files     map[string][]byte // by the name that it would open them by
	Verbose   bool
	Desk      bool
	Kiosks    bool

	Departments bool
	Faces       int // how many files of the face nets' weights there are; 0: not installed
}

// The server's descriptors.
const (
	filePublic = iota
	fileDocuments
	fileReport
	fileTurn
	fileDesk // if there is one; behind it the kiosks', the departments', and the face nets' weights, as far as there are any
)

// read reads a file, which the server's process may have been handed, because it could not open it.
func (a *appliance) read(path string) ([]byte, error) {
	if a.handed != nil {
		if data, ok := a.handed.Files[path]; ok {
			return data, nil
		}
	}
	return os.ReadFile(path)
}

// sockets is the folder of the sockets between the processes.
func (a *appliance) sockets() (string, error) {
	if a.handed != nil {
		return a.handed.Sockets, nil
	}
	return a.folder.sockets()
}

// serverProcess is the body of `chop server-process`: all that answers the network but the approval origin. It works in
// the data folder, which it could not walk to, and of which it can enter what letServerIn says.
func serverProcess() error {
	useManyThreads()
	var hand serverHand
	in, err := inheritRole(&hand)
	if err != nil {
		return err
	}
	ctx, cancel := in.Context(context.Background())
	defer cancel()
	turn, report := in.File(fileTurn), in.File(fileReport)
	defer turn.Close()
	defer report.Close()
	level := slog.LevelWarn
	if hand.Verbose {
		level = slog.LevelDebug
	}
	log := newRoleLog(processServer, level)
	app := &appliance{folder: ".", config: hand.Config, log: log, handed: &hand, tokens: tokensBehind(hand.Sockets, hand.Config, log)}
	defer app.tokens.Close()

	group, gctx := errgroup.WithContext(ctx)
	err = app.open(gctx, group, in.File)
	if failed := sendReport(report, err); failed != nil {
		err = errors.Join(err, failed)
	}
	if err != nil {
		cancel()
	}
	err = errors.Join(group.Wait(), err)
	if app.db != nil {
		app.db.Close()
	}
	return unlessTold(ctx, err)
}

// open opens what the server's process was handed, and answers.
func (a *appliance) open(ctx context.Context, group *errgroup.Group, file func(int) *os.File) (err error) {
	var d doors
	if d.public, err = takeListener(file(filePublic)); err != nil {
		return err
	}
	if d.documents, err = takeListener(file(fileDocuments)); err != nil {
		return err
	}
	at := fileDesk
	for _, door := range []struct {
		there bool
		l     *net.Listener
	}{{a.handed.Desk, &d.officers}, {a.handed.Kiosks, &d.kiosks}, {a.handed.Departments, &d.departments}} {
		if !door.there {
			continue
		}
		if *door.l, err = takeListener(file(at)); err != nil {
			return err
		}
		at++
	}
	for i := range a.handed.Faces {
		a.weights = append(a.weights, file(at+i))
	}
	if a.policies, err = a.config.policies(); err != nil {
		return err
	}
	if a.db, err = postgres.Open(ctx, postgres.Config{DSN: a.handed.DSN, MaxConns: a.config.Database.MaxConns}); err != nil {
		return err
	}
	group.Go(func() error { return untilDone(ctx, a.followUnit) })
	return a.answer(ctx, group, d)
}

// startReport is how a start of the server's process went, for who waits for the first one: it is one line of JSON.
type startReport struct {
	Error, Hint string // of nothing, if it answers
	Code        int
}

func sendReport(to *os.File, err error) error {
	var r startReport
	if err != nil {
		r.Error = err.Error()
		r.Code, r.Hint = explain(err)
	}
	return json.NewEncoder(to).Encode(r)
}

// err is what was reported.
func (r startReport) err() error {
	if r.Error == "" {
		return nil
	}
	return hinted{errors.New(r.Error), r.Hint, r.Code}
}
