package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"chop/portal/forms"
	"chop/registration/immd"
	"chop/signer"
	"chop/signer/approval/device"
)

// demoForm is the form that the demo's resident signs, and what they fill in.
const demoForm = "vehicle-licence"

// residentJob is the second part of the demo: a made-up resident signs a statutory form with a scripted device, through
// the same processes, sockets and pages' protocol as a person.
func (a *appliance) residentJob(ctx context.Context, say func(string, ...any)) error {
	if err := os.MkdirAll(a.folder.path("demo"), 0o700); err != nil {
		return err
	}
	stop, err := a.demoImmigration(ctx)
	if err != nil {
		return err
	}
	defer stop()
	say("5. A resident, who does not exist, with a scripted device")
	page, err := a.demoPage()
	if err != nil {
		return err
	}
	account, made, err := a.demoAccount(ctx, page)
	if err != nil {
		return err
	}
	if made {
		say("   two officers opened the account; the key was made in the HSM, wrapped there, and sealed under the device's secret")
	} else {
		say("   the account is there")
	}
	signing, err := a.demoAsk(ctx, account)
	if err != nil {
		return err
	}
	say("6. The portal asks for a signature: code %s on both screens", signing.Code)
	if err := page.Sign(ctx, signing.Tx); err != nil {
		return fmt.Errorf("approve by the scripted device: %w", err)
	}
	residents, err := a.residents(ctx)
	if err != nil {
		return err
	}
	caller := signer.Caller{Account: account, Place: "demo"}
	for !signing.Done() {
		if signing, err = residents.Signing(ctx, caller, signing.ID); err != nil {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	if signing.State != signer.SigningSigned {
		return fmt.Errorf("the demo's signing is %s (%s)", signing.State, signing.Failure)
	}
	name, file, err := residents.Document(ctx, caller, signing.ID, 0)
	if err != nil {
		return err
	}
	out := a.folder.path("out", "resident-signed.pdf")
	if err := writeFile(out, file, 0o644); err != nil {
		return err
	}
	say("   approved by the device over exactly this document, and signed: %s (%s)", shown(out), name)
	return nil
}

// awaitServing waits until the approval origin answers at its public address.
func (a *appliance) awaitServing(ctx context.Context) error {
	client := device.LocalClient()
	for range 300 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.config.approveURL()+"/identity.json", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("the approval origin does not answer at %s", a.config.approveURL())
}

// demoAsk fills in a form of the catalogue and asks the device for its approval.
func (a *appliance) demoAsk(ctx context.Context, account string) (*signer.Signing, error) {
	catalogue, err := forms.Load()
	if err != nil {
		return nil, err
	}
	form, err := catalogue.Form(demoForm)
	if err != nil {
		return nil, err
	}
	pdf, err := form.Fill(demoAnswers(form), "en", now())
	if err != nil {
		return nil, err
	}
	residents, err := a.residents(ctx)
	if err != nil {
		return nil, err
	}
	return residents.Prepare(ctx, signer.Caller{Account: account, Place: "demo"}, signer.ResidentRequest{
		Service: signer.ResidentService{ID: form.DepartmentID, Name: form.Department.Name.In("en")},
		Reason:  form.Title.In("en"), Return: a.config.portalURL() + "/",
		Documents: []signer.ResidentDocument{{Name: form.ID + ".pdf", PDF: pdf, Field: forms.SignatureField}},
	})
}

// demoAnswers fills in what must be answered.
func demoAnswers(form *forms.Form) map[string]string {
	answers := map[string]string{}
	for _, f := range form.Fields() {
		if !f.Required {
			continue
		}
		if f.ID == "enName" {
			answers[f.ID] = "CHAN, Tai Man"
			continue
		}
		switch f.Kind {
		case forms.KindChoice:
			answers[f.ID] = f.Options[0].Key
		case forms.KindCheckbox:
			answers[f.ID] = "true"
		case forms.KindDate:
			answers[f.ID] = map[string]string{"past": "1990-02-28", "future": now().AddDate(0, 1, 0).Format("2006-01-02"), "": now().Format("2006-01-02")}[f.When]
		case forms.KindAmount:
			answers[f.ID] = "100"
		case forms.KindHKID:
			answers[f.ID] = "A123456(3)"
		case forms.KindPhone:
			answers[f.ID] = "91234567"
		case forms.KindEmail:
			answers[f.ID] = "tai.man@example.invalid"
		case forms.KindChineseName:
			answers[f.ID] = "陳大文"
		default:
			answers[f.ID] = "ZZ 1234"
		}
	}
	return answers
}

// demoImmigration answers as the Immigration Department while the demo's account is opened, unless somebody does already.
func (a *appliance) demoImmigration(ctx context.Context) (stop func(), err error) {
	if a.config.Immigration.URL != "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", a.referenceAddress())
	if err != nil {
		if conn, dialled := net.DialTimeout("tcp", a.referenceAddress(), time.Second); dialled == nil {
			conn.Close()
			return func() {}, nil
		}
		return nil, fmt.Errorf("stand in for the Immigration Department: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	people := immd.Register(now(), "chop", 10000)
	go func() { ended <- a.serveReference(ctx, listener, immd.ReferenceConfig{People: people}) }()
	return func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			a.log.Warn("the immigration reference ended", "error", err)
		}
	}, nil
}
