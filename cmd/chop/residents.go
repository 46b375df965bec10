package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"chop/hsm"
	"chop/internal/postgres"
	"chop/notification"
	"chop/portal"
	"chop/portal/forms"
	"chop/registration"
	"chop/registration/officers"
	"chop/registration/personal"
	"chop/registration/places"
	"chop/signer"
	"chop/signer/activation"
)

// sealer seals data keys, over the sealer token.
func (a *appliance) sealer(ctx context.Context) (hsm.Sealer, error) {
	token, err := a.tokens.get(ctx, roleSealer)
	if err != nil {
		return nil, err
	}
	return token.Sealer(ctx, sealerLabel)
}

// activation speaks to the activation process, which `serve` runs.
func (a *appliance) activation() (*activation.Client, error) {
	return a.services.activation.get(func() (*activation.Client, error) {
		sockets, err := a.sockets()
		if err != nil {
			return nil, err
		}
		return activation.Dial(filepath.Join(sockets, socketAPI)), nil
	})
}

// residents is residents' signing.
func (a *appliance) residents(ctx context.Context) (*signer.Residents, error) {
	return a.services.residents.get(func() (*signer.Residents, error) {
		authority, err := a.authority(ctx)
		if err != nil {
			return nil, err
		}
		sealer, err := a.sealer(ctx)
		if err != nil {
			return nil, err
		}
		client, err := a.activation()
		if err != nil {
			return nil, err
		}
		notices, err := a.notices(ctx)
		if err != nil {
			return nil, err
		}
		v, err := newValidator([]*x509.Certificate{authority.Root()}, newOwnEvidence(authority))
		if err != nil {
			return nil, err
		}
		room, err := a.tokenRoom(authority)
		if err != nil {
			return nil, err
		}
		return signer.NewResidents(signer.ResidentConfig{
			DB: a.db, Policies: a.policies, Activation: signingPort{client}, Accounts: signingAccounts{a},
			Notifier: signedNotices{notices}, Sealer: sealer, Timestamper: timestamper{a}, Evidence: authority,
			TokenSize: room, Checker: checker{v}, Status: certificateStatus{authority}, Log: a.log, Now: now,
		})
	})
}

// registry is the registration authority.
func (a *appliance) registry(ctx context.Context) (*registration.Registry, error) {
	return a.services.registry.get(func() (*registration.Registry, error) {
		sealer, err := a.sealer(ctx)
		if err != nil {
			return nil, err
		}
		client, err := a.activation()
		if err != nil {
			return nil, err
		}
		authority, err := a.authority(ctx)
		if err != nil {
			return nil, err
		}
		residents, err := a.residents(ctx)
		if err != nil {
			return nil, err
		}
		immigration, err := a.immigration(ctx)
		if err != nil {
			return nil, err
		}
		notices, err := a.notices(ctx)
		if err != nil {
			return nil, err
		}
		approve, desk, err := a.origins()
		if err != nil {
			return nil, err
		}
		if a.phones != nil {
			a.phones.Portraits = portraits{immigration}
		}
		return registration.New(registration.Config{
			Remote: a.phones, DB: a.db, Policies: a.policies, Sealer: sealer, Immigration: immigration, Activation: enrolmentPort{client},
			Certificates: residentCertificates{a, authority, residents}, Sessions: portal.NewSessions(a.db, now), Notices: notices,
			RPID: approve.Hostname(), OfficerRPID: desk.Hostname(), OfficerOrigin: a.config.deskOrigin(),
			PortalURL: a.config.portalURL(), Now: now, Log: a.log,
		})
	})
}

func (a *appliance) origins() (approve, desk *url.URL, err error) {
	if approve, err = url.Parse(a.config.approveURL()); err != nil {
		return nil, nil, err
	}
	desk, err = url.Parse(a.config.deskOrigin())
	return approve, desk, err
}

// officerBook is the officers', for commands that need no more of registration.
func (a *appliance) officerBook(ctx context.Context) (*officers.Book, error) {
	sealer, err := a.sealer(ctx)
	if err != nil {
		return nil, err
	}
	people, err := personal.New(personal.Config{DB: a.db, Sealer: sealer, Now: now})
	if err != nil {
		return nil, err
	}
	_, desk, err := a.origins()
	if err != nil {
		return nil, err
	}
	return officers.New(officers.Config{
		DB: a.db, Policies: a.policies, People: people, RPID: desk.Hostname(), Origin: a.config.deskOrigin(), Now: now,
	})
}

// notices are what residents are told.
func (a *appliance) notices(_ context.Context) (*notification.Service, error) {
	return a.services.notices.get(func() (*notification.Service, error) {
		list, err := places.Load()
		if err != nil {
			return nil, err
		}
		config := notification.Config{Place: list.Name, DB: a.db, Now: now, Log: a.log, From: a.config.Mail.From, Outbox: a.folder.path("out", "mail")}
		config.Address = func(ctx context.Context, account string) (string, string, error) {
			registry, err := a.registry(ctx)
			if err != nil {
				return "", "", err
			}
			return registry.Address(ctx, account)
		}
		config.Stop = func(ctx context.Context, account, notice string) (string, error) {
			registry, err := a.registry(ctx)
			if err != nil {
				return "", err
			}
			return registry.StopLink(ctx, account, notice)
		}
		if config.From == "" {
			config.From = "no-reply@chop.invalid" // into files; a real sender is configured
		}
		if m := a.config.Mail; m.Server != "" {
			host, port, _ := strings.Cut(m.Server, ":")
			number, err := strconv.Atoi(port)
			if err != nil {
				return nil, fmt.Errorf("%w: mail.server %q is not host:port", errConfig, m.Server)
			}
			config.SMTP, config.Outbox = &notification.SMTP{Host: host, Port: number, Username: m.User}, ""
			if m.PasswordFile != "" {
				password, err := a.read(m.PasswordFile)
				if err != nil {
					return nil, fmt.Errorf("read mail.password_file: %w", err)
				}
				config.SMTP.Password = strings.TrimSpace(string(password))
			}
		} else if err := os.MkdirAll(config.Outbox, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder for messages: %w", err)
		}
		return notification.New(config)
	})
}

// openPortal is the residents' site.
func (a *appliance) openPortal(ctx context.Context) (*portal.Portal, error) {
	registry, err := a.registry(ctx)
	if err != nil {
		return nil, err
	}
	residents, err := a.residents(ctx)
	if err != nil {
		return nil, err
	}
	notices, err := a.notices(ctx)
	if err != nil {
		return nil, err
	}
	catalogue, err := forms.Load()
	if err != nil {
		return nil, err
	}
	var phones portal.Remotes // nil: the page says where to go instead
	if a.phones != nil {
		phones = registry
	}
	return portal.New(portal.Config{
		Remote: phones, DB: a.db, Accounts: registry, Signings: residents, Notices: notices, Forms: catalogue, Policies: a.policies,
		PublicURL: a.config.portalURL(), ApproveURL: a.config.approveURL(), Version: version(), Now: now, Log: a.log,
	})
}

// signingAccounts knows whether an account may sign.
type signingAccounts struct{ app *appliance }

func (s signingAccounts) MaySign(ctx context.Context, account string) error {
	registry, err := s.app.registry(ctx)
	if err != nil {
		return err
	}
	known, err := registry.Account(ctx, registration.System, account)
	switch {
	case errors.Is(err, registration.ErrNoAccount):
		return fmt.Errorf("%w: unknown", signer.ErrAccount)
	case err != nil:
		return err
	case known.State != registration.Active:
		return fmt.Errorf("%w: %s", signer.ErrAccount, known.State)
	case known.Kind != registration.Full:
		return signer.ErrLite
	}
	return nil
}

// NotMe is a resident's word on the approval page: sign-in stops too, the certificate goes on hold, and the account
// waits for its holder at a counter.
func (s signingAccounts) NotMe(ctx context.Context, account string) error {
	registry, err := s.app.registry(ctx)
	if err != nil {
		return err
	}
	resident := registration.Resident(account)
	resident.Place = "approval page"
	err = registry.SuspendSelf(ctx, resident, account, "not me")
	if errors.Is(err, registration.ErrUnfinished) || errors.Is(err, registration.ErrState) {
		return nil // it is recorded and goes on by itself; or the account is closed
	}
	return err
}

// signedNotices tells a resident that something was signed, or could not be although they approved it. What they
// declined themself is in their history.
type signedNotices struct{ service *notification.Service }

func (s signedNotices) Notify(ctx context.Context, tx postgres.Tx, n signer.Notice) error {
	kind, told := map[string]notification.Kind{"signed": notification.Signed, "failed": notification.NotSigned}[n.Kind]
	if !told {
		return nil
	}
	params := map[string]string{"service": n.Params["service"], "count": n.Params["documents"]}
	return s.service.Notify(ctx, tx, notification.Notice{Account: n.Account, Kind: kind, Params: params})
}
