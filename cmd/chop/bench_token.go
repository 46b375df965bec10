package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"time"

	"chop/hsm"
)

// benchTokenCommand measures a bare SoftHSM token in this process: no worker, no service. bench runs it as
// a child, since a process loads the module for one token only.
type benchTokenCommand struct {
	Op      string        `enum:"sign,use,generate" required:""`
	Key     string        `default:"p256"`
	Callers int           `default:"4"`
	Time    time.Duration `default:"4s"`
}

func (c *benchTokenCommand) Run(env *environment) error {
	dir, err := os.MkdirTemp("", "chop-bench-token-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pin := rand.Text()
	if err := hsm.CreateSoftHSM(env.ctx, dir, "bench", pin, rand.Text()); err != nil {
		return err
	}
	token, err := hsm.Open(env.ctx, hsm.Config{Module: hsm.SoftHSMModule, Label: "bench", PIN: pin, SoftHSMDir: dir})
	if err != nil {
		return err
	}
	defer token.Close()
	op, err := c.operation(env.ctx, token)
	if err != nil {
		return err
	}
	b := &bench{benchCommand: &benchCommand{Callers: c.Callers, Time: c.Time}}
	rate, err := b.rate(env.ctx, op)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.out, rate)
	return err
}

func (c *benchTokenCommand) operation(ctx context.Context, token hsm.Token) (func(context.Context) error, error) {
	digest := sha256.Sum256([]byte("bench"))
	if c.Op == "sign" {
		key, err := token.GenerateKey(ctx, "bench", c.Key)
		return func(context.Context) error {
			_, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
			return err
		}, err
	}
	vault, err := token.Vault(ctx, "kek")
	if err != nil {
		return nil, err
	}
	_, wrapped, err := vault.Generate(ctx, c.Key)
	if c.Op == "generate" {
		return func(ctx context.Context) error {
			_, _, err := vault.Generate(ctx, c.Key)
			return err
		}, err
	}
	return func(ctx context.Context) error {
		return vault.Use(ctx, wrapped, func(key crypto.Signer) error {
			_, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
			return err
		})
	}, err
}

// raw is the bare token's rate.
func (b *bench) raw(ctx context.Context, op, key string) (rate float64, err error) {
	err = b.self(ctx, &rate, "bench-token", "--op", op, "--key", key, "--callers", strconv.Itoa(b.Callers), "--time", b.Time.String())
	return rate, err
}

// token is the first part: what the token itself can do.
func (b *bench) token(ctx context.Context) error {
	for _, key := range []string{hsm.P256, hsm.RSA2048} {
		for _, op := range []struct{ name, text string }{
			{"sign", "sign, key loaded"}, {"use", "unwrap + sign + destroy"}, {"generate", "key generation + wrap"},
		} {
			rate, err := b.raw(ctx, op.name, key)
			if err != nil {
				return err
			}
			b.add(benchRow{Name: "raw token, " + key + ": " + op.text, Value: rate, Unit: "/s"})
		}
	}
	return nil
}
