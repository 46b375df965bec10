package main

import (
	"context"

	"chop/signer"
)

// sealCommand is about departments' seals.
type sealCommand struct {
	Create sealCreateCommand `cmd:"" help:"Make a seal: a key in the HSM and its certificate. Prints the credential's id."`
	List   sealListCommand   `cmd:"" help:"List the seals."`
}

type sealCreateCommand struct {
	folderFlag
	Name       string `required:"" help:"The department's name, as the certificate will show it."`
	Department string `placeholder:"ID" help:"Let it sign only what this department's operators asked for and approved (chop department operator), for ever."`

	Key    string `default:"p256" enum:"p256,p384,rsa2048,rsa3072" help:"Kind of key: ${enum}."`
	Scheme string `enum:",pkcs1,pss" default:"" help:"Signature scheme of an RSA key: pkcs1 (default) or pss."`
}

// Help is shown by chop seal create --help.
func (sealCreateCommand) Help() string {
	return `Example:
  chop seal create --dir data --name "Transport Department"
  chop seal create --dir data --name "Transport Department" --department transport`
}

func (c *sealCreateCommand) Run(env *environment) error {
	return c.sealing(env, func(service *signer.Service) error {
		credential, err := service.CreateSeal(env.ctx, signer.SealRequest{
			Name: c.Name, Department: c.Department, KeySpec: c.Key, Scheme: c.Scheme, Operator: localActor(),
		})
		if err != nil {
			return err
		}
		return env.print(map[string]string{"id": credential.ID, "serial": credential.Serial}, "%s", credential.ID)
	})
}

type sealListCommand struct {
	folderFlag
}

// sealRow is one seal as a program reads it.
type sealRow struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Key      string `json:"key"`
	Scheme   string `json:"scheme"`
	State    string `json:"state"`
	Serial   string `json:"serial"`
	NotAfter string `json:"not_after"`

	Department string `json:"department,omitempty"`
}

// Help is shown by chop seal list --help.
func (sealListCommand) Help() string {
	return `Example:
  chop seal list --dir data`
}

func (c *sealListCommand) Run(env *environment) error {
	return c.sealing(env, func(service *signer.Service) error {
		credentials, err := service.Credentials(env.ctx)
		if err != nil {
			return err
		}
		rows := make([]sealRow, len(credentials))
		for i, credential := range credentials {
			rows[i] = sealRow{ID: credential.ID, Name: credential.Name, Key: credential.KeySpec, Scheme: credential.Scheme,
				State: credential.State, Serial: credential.Serial, Department: credential.Department}
			if credential.Certificate != nil {
				rows[i].NotAfter = credential.Certificate.NotAfter.UTC().Format("2006-01-02")
			}
		}
		if env.json {
			return env.print(rows, "")
		}
		if len(rows) == 0 {
			return env.print(nil, "no seals yet; `chop seal create` makes one")
		}
		for _, r := range rows {
			if err := env.print(nil, "%s  %-9s %-7s %-6s until %s  %s", r.ID, r.State, r.Key, r.Scheme, r.NotAfter, r.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// demoSeal returns the demo's seal, and makes it at the first run.
func (a *appliance) demoSeal(ctx context.Context) (*signer.Credential, error) {
	service, err := a.sealing(ctx)
	if err != nil {
		return nil, err
	}
	credentials, err := service.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range credentials {
		if c.Name == demoDepartment && c.State == signer.StateActive && now().Before(c.Certificate.NotAfter) {
			return c, nil
		}
	}
	return service.CreateSeal(ctx, signer.SealRequest{Name: demoDepartment, Operator: localActor()})
}

// sealing opens the appliance, does something with its signature service, and closes it.
func (f folderFlag) sealing(env *environment, do func(*signer.Service) error) (err error) {
	app, err := openAppliance(env, f.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	service, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	return do(service)
}
