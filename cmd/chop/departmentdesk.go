package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"chop/ca/infra"
	"chop/internal/web"
	"chop/portal/department"
	"chop/sealing"
	"chop/signer"
)

// departmentOrigin is the departments' desk, which operators' passkeys are made for.
func (c *config) departmentOrigin() string {
	if c.Departments.URL != "" {
		return c.Departments.URL
	}
	host := c.Validation.DepartmentHost
	if host == "" {
		host = "localhost"
	}
	_, port, err := net.SplitHostPort(c.Validation.DepartmentListen)
	if err != nil {
		return "https://" + host
	}
	return "https://" + net.JoinHostPort(host, port)
}

// sealingBook is departments' operators and batches. With pins it can say whether a seal may be used.
func (a *appliance) sealingBook(pins sealing.Pins) (*sealing.Book, error) {
	origin, err := url.Parse(a.config.departmentOrigin())
	if err != nil {
		return nil, err
	}
	return sealing.New(sealing.Config{
		DB: a.db, Policies: a.policies, Origin: a.config.departmentOrigin(), RPID: origin.Hostname(), Pins: pins,
		SingleOperator: a.config.Departments.SingleOperator, Now: now,
	})
}

// departmentPages are the desk, and the verification pages for operators and departments' programs.
func (a *appliance) departmentPages(ctx context.Context, authority *infra.Authority) (func(chi.Router), error) {
	book, err := a.sealingBook(nil)
	if err != nil {
		return nil, err
	}
	origin, err := url.Parse(a.config.departmentOrigin())
	if err != nil {
		return nil, err
	}
	desk, err := department.New(department.Config{
		DB: a.db, Book: book, RPID: origin.Hostname(), Check: a.config.portalURL() + "/verify", Log: a.log, Now: now,
		Operator: func(r *http.Request) (string, error) {
			holder, _, err := holderOf(r, authority, infra.Operator, department.ErrStranger)
			return holder.ID, err
		},
		Seals: func(ctx context.Context, of string) ([]department.Seal, error) {
			credentials, err := signer.SealsOf(ctx, a.db, of)
			if err != nil {
				return nil, err
			}
			var seals []department.Seal
			for _, c := range credentials {
				seals = append(seals, department.Seal{ID: c.ID, Name: c.Name, Until: c.Certificate.NotAfter})
			}
			return seals, nil
		},
	})
	if err != nil {
		return nil, err
	}
	receivers, err := a.openReceivers(ctx, nil)
	if err != nil {
		return nil, err
	}
	return func(r chi.Router) {
		desk.Routes(r)
		r.Group(func(r chi.Router) {
			r.Use(web.Number(a.log), onlyDepartments(authority, book))
			receivers.Routes(r)
		})
	}, nil
}

// onlyDepartments lets in operators that were not removed, and departments' programs.
func onlyDepartments(authority *infra.Authority, book *sealing.Book) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
			holder, _, err := holderOf(r, authority, infra.Operator, department.ErrStranger)
			if errors.Is(err, department.ErrStranger) {
				_, _, err = holderOf(r, authority, infra.Department, department.ErrStranger)
			} else if err == nil {
				var o *sealing.Operator
				if o, err = book.Operator(r.Context(), holder.ID); err == nil && o.State != sealing.Active {
					err = department.ErrStranger
				}
			}
			if errors.Is(err, department.ErrStranger) || errors.Is(err, sealing.ErrUnknown) {
				return web.Error(http.StatusForbidden, "This address is for departments with a certificate that is known here.", err)
			}
			if err != nil {
				return err
			}
			next.ServeHTTP(w, r)
			return nil
		})
	}
}
