package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/policies"
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
	services services
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
	app := &appliance{folder: f, config: conf, log: log, tokens: newTokens(f, conf.HSM, log)}
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
		app.private, err = postgres.StartPrivate(ctx, postgres.PrivateConfig{Dir: f.path("postgres"), Log: log})
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
