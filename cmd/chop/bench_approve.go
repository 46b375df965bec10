package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"chop/hsm"
	"chop/internal/postgres"
	"chop/signer/activation"
	"chop/signer/activation/benchmark"
)

// approve measures approvals through the activation process's socket, with its records on the disk: verify, open,
// unwrap, sign, verify, record, evidence. A second process with a second token comes in the second round: two cores
// are full already, so what counts there is how much processor time an approval takes.
func (b *bench) approve(ctx context.Context) error {
	n := max(400, int(b.Time.Seconds()*400))
	one, err := b.approvers(ctx, 1, n)
	if err != nil {
		return err
	}
	b.add(benchRow{Name: "approvals, unwrap + sign + destroy beside them", Value: one[0].Raw, Unit: "/s"})
	b.add(benchRow{Name: "approvals, one process", Value: one[0].Rate, Unit: "/s", Ratio: one[0].Share(), Beside: "unwrap + sign + destroy"})
	b.add(benchRow{Name: "approvals, one process, goal 200/s", Value: one[0].Rate, Unit: "/s", Ratio: one[0].Rate / 200, Beside: "200/s", Goal: 1})
	b.add(benchRow{Name: "approvals, p50", Value: ms(one[0].P50), Unit: "ms"})
	b.add(benchRow{Name: "approvals, p99", Value: ms(one[0].P99), Unit: "ms"})
	two, err := b.approvers(ctx, 2, n/2)
	if err != nil {
		return err
	}
	rate, cpu := two[0].Rate+two[1].Rate, (two[0].CPU+two[1].CPU)/2
	b.add(benchRow{Name: "approvals, two processes with two tokens", Value: rate, Unit: "/s", Ratio: rate / one[0].Rate, Beside: "one process"})
	b.add(benchRow{Name: "approvals, processor time each, two processes", Value: ms(cpu), Unit: "ms",
		Ratio: cpu.Seconds() / one[0].CPU.Seconds(), Beside: "one process", Goal: 1.1, Most: true})
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// approvers runs so many activation processes side by side, each with a token and a database of its own.
func (b *bench) approvers(ctx context.Context, processes, approvals int) ([]*benchmark.Result, error) {
	type answer struct {
		result *benchmark.Result
		err    error
	}
	answers := make(chan answer, processes)
	for i := range processes {
		dir := filepath.Join(b.dir, fmt.Sprintf("approve-%d-%d", processes, i))
		go func() {
			cmd := exec.CommandContext(ctx, "/proc/self/exe", "bench-approve", "--dir", dir, "--approvals", fmt.Sprint(approvals))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			r := new(benchmark.Result)
			if err == nil {
				err = json.Unmarshal(out, r)
			}
			answers <- answer{r, err}
		}()
	}
	var results []*benchmark.Result
	for range processes {
		a := <-answers
		if a.err != nil {
			return nil, a.err
		}
		results = append(results, a.result)
	}
	return results, nil
}

// benchApproveCommand is one of these processes. Making people takes a while, and is not measured.
type benchApproveCommand struct {
	Dir       string `required:""`
	Approvals int    `required:""`
}

func (c *benchApproveCommand) Run(env *environment) (err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	private, err := postgres.StartPrivate(env.ctx, postgres.PrivateConfig{Dir: filepath.Join(c.Dir, "postgres"), Log: env.log})
	if err != nil {
		return err
	}
	defer private.Close()
	dsn, err := private.Separate(env.ctx, postgres.Separate{
		Role: postgres.ActivationRole, Schema: postgres.ActivationSchema, Password: "OnlyForThisBenchmarksOwnDatabase",
	})
	if err != nil {
		return err
	}
	db, err := postgres.Open(env.ctx, postgres.Config{DSN: dsn})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := activation.Migrate(env.ctx, db, "chop"); err != nil {
		return err
	}
	token, err := c.token(env)
	if err != nil {
		return err
	}
	defer token.Close()
	config := benchmark.Config{DB: db, Approvals: c.Approvals}
	if config.Vault, err = token.Vault(env.ctx, kekActivation); err != nil {
		return err
	}
	if config.MAC, err = token.MAC(env.ctx, recordsLabel); err != nil {
		return err
	}
	if config.Identity, err = token.GenerateKey(env.ctx, identityLabel, hsm.P256); err != nil {
		return err
	}
	result, err := benchmark.Run(env.ctx, config)
	if err != nil {
		return err
	}
	return json.NewEncoder(env.out).Encode(result)
}

// token makes a token and its worker process.
func (c *benchApproveCommand) token(env *environment) (*hsm.Worker, error) {
	dir := filepath.Join(c.Dir, "token")
	const pin = "bench-approve"
	if err := createToken(env.ctx, newToken{dir, "bench", pin, pin}); err != nil {
		return nil, err
	}
	return hsm.StartWorker(env.ctx, hsm.WorkerConfig{
		Role: "bench", Argv: []string{"/proc/self/exe", "hsm-worker"}, Log: env.log,
		Token: hsm.Config{Module: hsm.SoftHSMModule, Label: "bench", PIN: pin, SoftHSMDir: dir},
	})
}
