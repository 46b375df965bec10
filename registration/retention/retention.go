// Package retention deletes what is held of closed accounts when its time is over (Cap. 486, schedule 1, principle
// 2(2)): first what the card says beyond a name and a number, then who the account's certificates name, which a CA
// keeps for years after they end (EN 319 411-1, 6.4.6). The periods and their reasons are the retention policy's.
//
// It opens nothing: it finds accounts by their state and dates, and deletes rows. A name is gone with the data key
// that sealed it, in backups of the database too as far as they are without that key. What it leaves is the account's
// reference number, its dates, and the proof of its signatures, which names nobody but by the certificate.
package retention

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

// The policy's names of the two periods.
const (
	Card     = "closed-card"     // from an account's closing
	Identity = "closed-identity" // from its closing or its last certificate's end, what comes later
)

// Config is what a Keeper needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Policies have both periods.
	Policies *policies.Set
	// LastEnd is when the last certificate that was ever issued to a subscriber reference number ends; zero: there is none.
	LastEnd func(ctx context.Context, srn string) (time.Time, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default.
	Log *slog.Logger
}

// A Keeper keeps the dates. It is safe for concurrent use, in any number of processes.
type Keeper struct {
	cfg            Config
	store          store
	card, identity policies.Period
}

// Count is of accounts.
type Count struct {
	Card     int `json:"card"`     // of which the card's further data are due, or were deleted
	Identity int `json:"identity"` // of which all that names the person is
}

// New checks the configuration.
func New(cfg Config) (*Keeper, error) {
	if cfg.DB == nil || cfg.Policies == nil || cfg.LastEnd == nil {
		return nil, errors.New("new keeper of retention: DB, Policies and LastEnd are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	k := &Keeper{cfg: cfg, store: store{cfg.DB}}
	for name, into := range map[string]*policies.Period{Card: &k.card, Identity: &k.identity} {
		rule, err := cfg.Policies.Retention(name)
		if err != nil {
			return nil, fmt.Errorf("new keeper of retention: %w", err)
		}
		*into = rule.Period
	}
	return k, nil
}

// Due counts what Delete would delete now.
func (k *Keeper) Due(ctx context.Context) (Count, error) {
	var n Count
	err := k.each(ctx, func(card, identity []string) error {
		n.Card += len(card)
		n.Identity += len(identity)
		return nil
	})
	return n, err
}

// Delete deletes what is due. Each batch is one transaction with its entry in the log, which counts and names nobody.
func (k *Keeper) Delete(ctx context.Context, actor string) (Count, error) {
	var n Count
	err := k.each(ctx, func(card, identity []string) error {
		var batch Count
		err := k.cfg.DB.InTx(ctx, func(tx postgres.Tx) (err error) {
			if batch, err = forget(ctx, tx, card, identity); err != nil || batch == (Count{}) {
				return err
			}
			return audit.Record(ctx, tx, audit.Event{
				At: k.cfg.Now(), Actor: actor, Action: "registration.retention",
				Reason: "retention.yaml: " + Card + ", " + Identity, Detail: map[string]any{"card": batch.Card, "identity": batch.Identity},
			})
		})
		if err != nil {
			return fmt.Errorf("delete what is not kept any more: %w", err)
		}
		n.Card += batch.Card
		n.Identity += batch.Identity
		return nil
	})
	return n, err
}

// batch is how many accounts are looked at in one step.
const batch = 200

// each hands on, batch by batch, the accounts of which something is due.
func (k *Keeper) each(ctx context.Context, do func(card, identity []string) error) error {
	now, after := k.cfg.Now(), zeroID
	for {
		rows, err := k.store.closed(ctx, after, batch)
		if err != nil {
			return err
		}
		var card, identity []string
		for _, row := range rows {
			over, err := k.over(ctx, row, now)
			switch {
			case err != nil:
				return err
			case over:
				identity = append(identity, row.ID)
			case row.Card && now.After(k.card.End(row.ClosedAt)):
				card = append(card, row.ID)
			}
		}
		if len(card)+len(identity) > 0 {
			if err := do(card, identity); err != nil {
				return err
			}
		}
		if len(rows) < batch {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// over reports whether nothing that names the person is kept any more. Whom no certificate names, nobody has to be
// able to find: such an account has the shorter period.
func (k *Keeper) over(ctx context.Context, row closedRow, now time.Time) (bool, error) {
	if !row.Certified {
		return now.After(k.card.End(row.ClosedAt)), nil
	}
	if !now.After(k.identity.End(row.ClosedAt)) { // whatever the certificates say: the CA is asked about few
		return false, nil
	}
	end, err := k.cfg.LastEnd(ctx, row.SRN)
	if err != nil {
		return false, fmt.Errorf("end of the certificates of a closed account: %w", err)
	}
	return end.IsZero() || now.After(k.identity.End(end)), nil
}

// Run deletes once a day what is due, until ctx ends. What fails is tried again the next day, and at the next start.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		switch n, err := k.Delete(ctx, "system:retention"); {
		case err != nil && ctx.Err() == nil:
			k.cfg.Log.Error("what is not kept any more could not be deleted; it is tried again in a day", "err", err)
		case n != Count{}:
			k.cfg.Log.Info("data of closed accounts deleted, as the retention policy says", "card", n.Card, "identity", n.Identity)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
