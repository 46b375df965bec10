package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

	"chop/ca/infra"
	"chop/validation/service"
)

// listenDepartments takes the address of departments' programs; nil without any.
func (a *appliance) listenDepartments() (net.Listener, error) {
	address := a.config.Validation.DepartmentListen
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, hinted{fmt.Errorf("serve departments: %w", err), "another program has that address; choose one with validation.department_listen in chop.yaml", 1}
	}
	return l, nil
}

// departmentCertificate is that listener's, for TLS.
func (a *appliance) departmentCertificate(ctx context.Context) (tls.Certificate, error) {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host := a.config.Validation.DepartmentHost; host != "" {
		names = append(names, host)
	}
	return a.machineCertificate(ctx, machineDepartments, infra.Request{Kind: infra.Server, ID: "departments", Names: names, Actor: "system:departments"})
}

// runDepartments answers departments until ctx ends: the validation service for their programs, and the desk for their
// operators, both by client certificate.
func (a *appliance) runDepartments(ctx context.Context, listener net.Listener) error {
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return err
	}
	cert, err := a.departmentCertificate(ctx)
	if err != nil {
		return err
	}
	judge, err := a.validations(ctx)
	if err != nil {
		return err
	}
	perMinute := a.config.Validation.DepartmentPerMinute
	if perMinute == 0 {
		perMinute = 600
	}
	pages, err := a.departmentPages(ctx, authority)
	if err != nil {
		return err
	}
	kept, err := a.archived(ctx)
	if err != nil {
		return err
	}
	router := chi.NewRouter()
	pages(router)
	clients := service.Clients{
		PerMinute: perMinute, AtOnce: 16, Log: a.log, Now: now,
		Name: func(r *http.Request) (string, error) {
			holder, _, err := holderOf(r, authority, infra.Department, service.ErrStranger)
			return holder.ID, err
		},
	}
	judge.Routes(router, clients)
	router.Group(func(r chi.Router) {
		clients.Limit(r)
		kept.Routes(r, clients.Known)
	})
	return serveTLS(ctx, listener, "departments", a.log, authority.ServerConfig(cert), router)
}

// departmentCommand keeps the departments' programs and people that may come.
type departmentCommand struct {
	Add    departmentAddCommand    `cmd:"" help:"Make a department's client certificate."`
	Remove departmentRemoveCommand `cmd:"" help:"Refuse a department's certificates from now on."`

	Operator operatorCommand `cmd:"" help:"Keep the people who work for departments, at their desk."`
}

type departmentAddCommand struct {
	folderFlag
	ID  string `name:"id" required:"" help:"The department, in a short word of your choice; one more certificate of the same word shares its limits."`
	Out string `required:"" placeholder:"FILE.pem" help:"Where the client certificate and its key go."`
}

// Help is shown by chop department add --help.
func (departmentAddCommand) Help() string {
	return `The certificate opens validation.department_listen of chop.yaml.

Example:
  chop department add --dir data --id transport --out transport.pem
  curl --cacert data/public/infrastructure.pem --cert transport.pem -F document=@letter.pdf https://localhost:8446/v1/validations`
}

func (c *departmentAddCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.infrastructure(env.ctx)
	if err != nil {
		return err
	}
	text, _, err := newMachineKey(env.ctx, authority, infra.Request{Kind: infra.Department, ID: c.ID, Actor: localActor()})
	if err != nil {
		return err
	}
	if err := writeFile(c.Out, text, 0o600); err != nil {
		return err
	}
	return env.print(map[string]string{"id": c.ID, "file": c.Out}, "%s: the client certificate of %s with its key", c.Out, c.ID)
}

type departmentRemoveCommand struct {
	folderFlag
	ID     string `name:"id" required:"" help:"The department."`
	Reason string `required:"" help:"Why, for the audit log."`
}

// Help is shown by chop department remove --help.
func (departmentRemoveCommand) Help() string {
	return `Its next request is refused.

Example:
  chop department remove --dir data --id transport --reason "key lost"`
}

func (c *departmentRemoveCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.infrastructure(env.ctx)
	if err != nil {
		return err
	}
	if err := authority.Withdraw(env.ctx, infra.Holder{Kind: infra.Department, ID: c.ID}, localActor(), c.Reason); err != nil {
		return err
	}
	return env.print(map[string]string{"id": c.ID}, "%s is refused from now on", c.ID)
}
