package registration

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/immd"
	"chop/registration/personal"
)

// driveTime is how long whoever drives a case on has for it.
const driveTime = 90 * time.Second

// drive takes up what other parties have done for a case since it was last looked
// at, as far as it goes: from the presented ticket to the active account. A party
// that does not answer is noted in Waiting and is no error; ready says that the
// phone waits for the ticket. Any number of processes may drive one case.
func (r *Registry) drive(ctx context.Context, row *caseRow) (_ *caseRow, ready bool, _ error) {
	if row.State != Enrolling && row.State != Ticketed && !row.State.driven() {
		return row, false, nil
	}
	now := r.cfg.Now()
	leased, err := r.store.lease(ctx, cases, row.ID, now, now.Add(driveTime))
	if err != nil {
		return nil, false, err
	}
	if !leased { // somebody is at it; whether a ticket is wanted can be asked all the same
		if row.State == Enrolling {
			e, err := r.cfg.Activation.Enrolment(ctx, value(row.Enrolment))
			ready = err == nil && e.State == "ticket"
		}
		return row, ready, nil
	}
	ready, failed := r.advance(ctx, row.ID)
	pause := time.Duration(0)
	waiting := ""
	if failed != nil {
		// The longer it has waited, the more seldom it is tried: from a second to five minutes.
		pause, waiting = max(time.Second, min(now.Sub(row.ChangedAt)/4, 5*time.Minute)), failed.party
		r.cfg.Log.Warn("a case waits", "case", row.ID, "for", failed.party, "err", failed.err)
	}
	after, err := r.store.getCase(ctx, row.ID)
	if err == nil && after.Waiting != waiting && !after.State.over() {
		err = r.store.changeCase(ctx, row.ID, func(_ postgres.Tx, c *caseRow) ([]audit.Event, error) {
			if !c.State.over() {
				c.Waiting = waiting
			}
			after = c
			return nil, nil
		})
	}
	return after, ready, errors.Join(err, r.store.release(ctx, cases, row.ID, r.cfg.Now().Add(pause)))
}

// stuck says who did not do their part.
type stuck struct {
	party string
	err   error
}

// advance does the next thing until there is none.
func (r *Registry) advance(ctx context.Context, id string) (ready bool, _ *stuck) {
	for {
		row, err := r.store.getCase(ctx, id)
		if err != nil {
			return false, &stuck{"database", err}
		}
		if row.State != Enrolling && row.State != Ticketed && !row.State.driven() {
			return false, nil
		}
		e, err := r.cfg.Activation.Enrolment(ctx, value(row.Enrolment))
		if errors.Is(err, ErrNoEnrolment) && !row.State.driven() {
			e, err = &Enrolment{State: "expired"}, nil
		}
		if err != nil {
			return false, &stuck{"activation", err}
		}
		more, s := r.once(ctx, row, e)
		if s != nil || !more {
			return row.State == Enrolling && e.State == "ticket" && s == nil, s
		}
	}
}

// once does one thing: present the ticket, take up the key, issue, bind and complete. more says that the next may follow.
func (r *Registry) once(ctx context.Context, row *caseRow, e *Enrolment) (more bool, _ *stuck) {
	switch {
	case row.State == Enrolling && (e.State == "failed" || e.State == "expired"), row.State == Ticketed && (e.State == "failed" || e.State == "expired"):
		return false, party("database", r.again(ctx, row, e.State))
	case row.State == Ticketed && e.State == "ticket":
		stopped, s := r.cleared(ctx, row)
		if s != nil {
			return false, s
		}
		if stopped {
			return false, r.abandon(ctx, row, nil)
		}
		err := r.cfg.Activation.PresentTicket(ctx, value(row.Enrolment), row.Envelope)
		if errors.Is(err, ErrPermanent) {
			return false, party("database", r.again(ctx, row, "ticket refused"))
		}
		return false, party("activation", err)
	case row.State == Ticketed && (e.State == "made" || e.State == "issued"):
		_, err := r.step(ctx, row.ID, actMake, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
			row.Credential = &e.Credential
			return []audit.Event{r.event(System, "registration.made", caseSubject(row.ID), "", map[string]any{"credential": e.Credential})}, nil
		})
		return true, party("database", err)
	case row.State == Made:
		certificate, s := r.certificate(ctx, row, e)
		if s != nil && errors.Is(s.err, ErrPermanent) {
			return false, r.giveUp(ctx, row, s)
		}
		if s != nil {
			return false, s
		}
		_, err := r.step(ctx, row.ID, actIssue, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
			row.Serial = certificate.SerialNumber.Bytes()
			return []audit.Event{r.event(System, "registration.issued", caseSubject(row.ID), "", map[string]any{"serial": fmt.Sprintf("%x", row.Serial)})}, nil
		})
		return true, party("database", err)
	case row.State == Issued:
		certificate, s := r.certificate(ctx, row, e)
		if s != nil {
			return false, s
		}
		if stopped, s := r.cleared(ctx, row); s != nil {
			return false, s
		} else if stopped {
			return false, r.abandon(ctx, row, certificate.SerialNumber)
		}
		if err := r.cfg.Activation.BindCertificate(ctx, value(row.Credential), certificate.Raw); err != nil {
			return false, &stuck{"activation", err}
		}
		return false, party("database", r.complete(ctx, row, certificate))
	}
	return false, nil
}

func party(name string, err error) *stuck {
	if err == nil {
		return nil
	}
	return &stuck{name, err}
}

// again lets the phone begin its enrolment anew.
func (r *Registry) again(ctx context.Context, row *caseRow, why string) error {
	_, err := r.step(ctx, row.ID, actRetry, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
		e := r.event(System, "registration.retry", caseSubject(row.ID), why, map[string]any{"enrolment": value(row.Enrolment)})
		row.Enrolment, row.Ticket, row.Envelope = nil, nil, nil
		return []audit.Event{e}, nil
	})
	if errors.Is(err, ErrState) { // it has run out; housekeeping ends it
		return nil
	}
	return err
}

// certificate has the CA issue against the statement, or give what it issued before.
func (r *Registry) certificate(ctx context.Context, row *caseRow, e *Enrolment) (*x509.Certificate, *stuck) {
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return nil, &stuck{"database", err}
	}
	a, err := r.store.account(ctx, value(row.Account))
	if err != nil {
		return nil, &stuck{"database", err}
	}
	der, err := r.cfg.Certificates.Issue(ctx, "registration", row.Ticket, e.Statement, e.CSR, immd.Subject(held.card, a.SRN))
	if err != nil {
		return nil, &stuck{"certificates", err}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, &stuck{"certificates", err}
	}
	if row.Serial != nil && string(row.Serial) != string(certificate.SerialNumber.Bytes()) {
		return nil, &stuck{"certificates", errors.New("another certificate than the one recorded")}
	}
	return certificate, nil
}

// giveUp destroys a key that the CA will not certify, and ends its case: the person can begin anew.
func (r *Registry) giveUp(ctx context.Context, row *caseRow, why *stuck) *stuck {
	r.cfg.Log.Error("the CA refuses a certificate for good", "case", row.ID, "err", why.err)
	if err := r.cfg.Activation.Destroy(ctx, value(row.Credential), "system:registration", "no certificate"); err != nil {
		return &stuck{"activation", err}
	}
	return party("database", r.end(ctx, System, row.ID, actEnd, outcomeFailed))
}

// complete makes the account active, and tells its holder.
func (r *Registry) complete(ctx context.Context, row *caseRow, certificate *x509.Certificate) error {
	act, told := actActivate, notification.AccountOpened
	noted := []string{"account-opened", "certificate-issued"}
	var sealed *personal.Prepared
	operation := ""
	switch row.Purpose {
	case Replacing:
		act, told, noted[0] = actReplace, notification.DeviceReplaced, "re-registered"
	case Upgrading:
		act, told, noted = actUpgrade, notification.DeviceReplaced, noted[1:]
	}
	if row.standing() {
		var err error
		if sealed, err = r.prepareTaken(ctx, row); err != nil {
			return err
		}
	}
	_, err := r.step(ctx, row.ID, actComplete, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, value(row.Account))
		if err != nil {
			return nil, err
		}
		if row.Purpose == Upgrading {
			if err := row.mayUpgrade(a); err != nil {
				return nil, err
			}
			if operation, err = r.shut(ctx, tx, row); err != nil {
				return nil, err
			}
		}
		if row.standing() {
			if err := r.take(ctx, tx, row, a, sealed); err != nil {
				return nil, err
			}
		}
		if a.State, err = next("account", a.State, act); err != nil {
			return nil, err
		}
		now := r.cfg.Now()
		a.Kind, a.Credential, a.Serial, a.Agreement, a.AgreedAt = row.Kind, row.Credential, row.Serial, row.Agreement, row.AgreedAt
		a.ChangedAt = now
		if a.ActiveAt == nil {
			a.ActiveAt = &now
		}
		if err := updateAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		row.Waiting, row.Token, row.TokenUntil, row.Desk, row.Number, row.Ticket, row.Envelope = "", nil, nil, nil, "", nil, nil
		for _, what := range noted {
			if err := r.note(ctx, tx, row.openedBy(), a.ID, what); err != nil {
				return nil, err
			}
		}
		if err := r.notify(ctx, tx, a.ID, told, map[string]string{"place": row.Place}); err != nil {
			return nil, err
		}
		err = r.notify(ctx, tx, a.ID, notification.CertificateIssued, map[string]string{"until": certificate.NotAfter.UTC().Format(time.RFC3339)})
		return []audit.Event{r.event(System, "registration.complete", caseSubject(row.ID), "", map[string]any{
			"account": a.ID, "officer": row.Officer, "second": value(row.Second), "place": row.Place, "agreement": value(row.Agreement), "purpose": row.Purpose,
		})}, err
	})
	if err != nil || operation == "" {
		return err
	}
	if err := r.perform(ctx, operation); !errors.Is(err, ErrUnfinished) { // else housekeeping does it
		return err
	}
	return nil
}
