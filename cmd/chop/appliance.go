package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/policies"
	"chop/registration"
	"chop/signer"
)

// appliance is one data folder, opened: its database at once, everything else when it is first asked for, so
// that a command starts no worker that it does not need.
type appliance struct {
	folder   folder
	config   config
	log      *slog.Logger
	db       *postgres.DB
	policies *policies.Set
	tokens   *tokens

	private  *postgres.Private // nil with a configured server
	handed   *serverHand       // in the server's process: all that it has; else nil
	weights  []*os.File        // the face nets', where they were handed over
	services services

	authorizer signer.Authorizer          // of departments' seals, where they are used; nil: not here
	phones     *registration.RemoteConfig // nil: no registration on phones; a server's alone
}

// openAppliance opens the appliance in dir for a command.
func openAppliance(env *environment, dir string) (*appliance, error) {
	useManyThreads()
	f := folder(dir)
	conf, err := f.open()
	if err != nil {
		return nil, err
	}
	return connect(env.ctx, f, conf, env.log)
}

// connect brings up the database and its schema.
func connect(ctx context.Context, f folder, conf config, log *slog.Logger) (_ *appliance, err error) {
	app := &appliance{folder: f, config: conf, log: log, tokens: newTokens(f, conf, log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, app.Close())
		}
	}()
	if app.policies, err = conf.policies(); err != nil {
		return nil, err
	}
	var dsn string
	if conf.Database.DSNFile == "" {
		app.private, err = postgres.StartPrivate(ctx, postgres.PrivateConfig{
			Dir: f.path("postgres"), Log: log, OtherUsers: conf.uid(processActivation) >= 0,
		})
		if err != nil {
			return nil, err
		}
		dsn = app.private.DSN()
	} else if dsn, err = readSecretFile(conf.Database.DSNFile); err != nil {
		return nil, fmt.Errorf("read database.dsn_file: %w", err)
	}
	if app.db, err = postgres.Open(ctx, postgres.Config{DSN: dsn, MaxConns: conf.Database.MaxConns}); err != nil {
		return nil, err
	}
	return app, app.db.Migrate(ctx)
}

// apart is the same appliance with tokens and services of its own, for work that ends: its user closes its tokens.
func (a *appliance) apart() *appliance {
	return &appliance{
		folder: a.folder, config: a.config, log: a.log, db: a.db, policies: a.policies, private: a.private,
		tokens: newTokens(a.folder, a.config, a.log),
	}
}

// Close ends what was started, in the opposite order.
func (a *appliance) Close() error {
	errs := []error{a.tokens.Close()}
	if a.db != nil {
		a.db.Close()
	}
	if a.private != nil {
		errs = append(errs, a.private.Close())
	}
	return errors.Join(errs...)
}

// closeInto gives the command's audit events their places in the log, closes the appliance, and adds what went
// wrong to the command's result. A running server's sequencer may have been first.
func (a *appliance) closeInto(err *error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, failed := audit.Sequence(ctx, a.db); failed != nil {
		*err = errors.Join(*err, fmt.Errorf("sequence the audit log: %w", failed))
	}
	if failed := a.Close(); failed != nil {
		*err = errors.Join(*err, fmt.Errorf("close the appliance: %w", failed))
	}
}
