package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"chop/hsm"
	"chop/internal/postgres"
	"chop/signer/activation"
)

// The sockets between the processes, in the folder of sockets.
const (
	socketAPI       = "activation.sock"
	socketActivate  = "approval-activation.sock"
	socketDocuments = "documents.sock"
	socketApproval  = "approval.sock" // the approval origin, behind the server's own address
)

// ensureActivation makes what the activation process finds in its token, and gives its identity key to whoever must
// know it: public/activation.pem. Afterwards nobody but that process opens the token.
func (a *appliance) ensureActivation(ctx context.Context) (made bool, err error) {
	path := a.folder.path("public", "activation.pem")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	token, err := a.tokens.get(ctx, roleActivation)
	if err != nil {
		return false, err
	}
	if _, err := token.Vault(ctx, kekActivation); err != nil {
		return false, fmt.Errorf("open the vault of token %s: %w", roleActivation, err)
	}
	if _, err := token.MAC(ctx, recordsLabel); err != nil {
		return false, fmt.Errorf("make the key of the records: %w", err)
	}
	identity, err := a.keyOrNew(ctx, token, identityLabel, hsm.P256)
	if err != nil {
		return false, fmt.Errorf("make the activation process's identity: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(identity.Public())
	if err != nil {
		return false, err
	}
	if err := a.tokens.release(roleActivation); err != nil {
		return false, err
	}
	return true, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
}

// startActivation hands the activation process what it needs and keeps it running until ctx ends.
func (a *appliance) startActivation(ctx context.Context, sockets string) (func() error, error) {
	pin, err := a.folder.secret(roleActivation + ".pin")
	if err != nil {
		return nil, err
	}
	dsn, role, err := a.activationDSN(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.ensurePins(); err != nil {
		return nil, err
	}
	approve, err := url.Parse(a.config.approveURL())
	if err != nil {
		return nil, err
	}
	config := a.tokens.tokenConfig(roleActivation, pin)
	token := tokenHand{config.Module, config.Label, config.PIN, config.SoftHSMDir}
	dir := ""
	if token.SoftHSMDir != "" {
		// The role works in its token's folder, which it could not walk to.
		dir, token.SoftHSMDir = a.folder.token(roleActivation), "/proc/self/cwd"
		if err := a.tokens.give(roleActivation); err != nil {
			return nil, err
		}
	}
	hand := activationHand{
		Token: token, DSN: dsn, ApplianceRole: role,
		RPID: approve.Hostname(), RPName: "Chop", ApproveOrigin: a.config.approveURL(), PortalOrigin: a.config.portalURL(),
		Policy:   a.config.activationPolicy(),
		APIUsers: []int{os.Geteuid(), a.peer(processServer)}, ApprovalUser: a.peer(processApproval),
	}
	own, err := a.roleFolder(processActivation)
	if err != nil {
		return nil, err
	}
	files, err := listenFiles(ctx, filepath.Join(sockets, socketAPI), filepath.Join(sockets, socketActivate))
	if err != nil {
		return nil, errors.Join(err, own.Close())
	}
	files = append(files, own)
	return func() error {
		defer closeFiles(files)
		return a.runRole(ctx, processActivation, dir, hand, files)
	}, nil
}

// activationDSN is the connection string of the activation process's own database role, and the name of the
// appliance's.
func (a *appliance) activationDSN(ctx context.Context) (dsn, appliance string, err error) {
	if a.private == nil {
		path := a.config.Database.ActivationDSNFile
		if path == "" {
			return "", "", hinted{errors.New("database.activation_dsn_file is not set"),
				"docs/operations.md has the statements that make the activation process's role on your server", 2}
		}
		dsn, err = readSecretFile(path)
		return dsn, a.db.Pool.Config().ConnConfig.User, err
	}
	password, err := a.folder.ensureSecret("activation.database")
	if err != nil {
		return "", "", err
	}
	dsn, err = a.private.Separate(ctx, postgres.Separate{
		Role: postgres.ActivationRole, Schema: postgres.ActivationSchema, Password: password,
	})
	return dsn, a.db.Pool.Config().ConnConfig.User, err
}

// roleFolder makes a role's own folder in the data folder, and opens it.
func (a *appliance) roleFolder(role string) (*os.File, error) {
	dir := a.folder.path(role)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of role %s: %w", role, err)
	}
	if uid := a.uid(role); uid >= 0 {
		if err := giveFolder(dir, uid); err != nil {
			return nil, fmt.Errorf("give a folder to role %s: %w", role, err)
		}
	}
	return os.Open(dir)
}

// listenFiles listens on sockets and gives the descriptors to hand over.
func listenFiles(ctx context.Context, paths ...string) (files []*os.File, err error) {
	for _, path := range paths {
		l, err := listenSocket(ctx, path)
		if err != nil {
			closeFiles(files)
			return nil, err
		}
		f, err := l.File()
		l.SetUnlinkOnClose(false)
		if err := errors.Join(err, l.Close()); err != nil {
			closeFiles(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close() // it was for others
	}
}

// activationPolicy is what residents' devices must be able to do.
func (c *config) activationPolicy() activation.Policy {
	p := activation.Policy{BackupEligible: c.Enrolment.BackupEligible, Attestation: c.Enrolment.Attestation}
	if p.BackupEligible == "" {
		p.BackupEligible = activation.WithDeviceKey
	}
	if p.Attestation == "" {
		p.Attestation = activation.AttestationRecorded
	}
	return p
}
