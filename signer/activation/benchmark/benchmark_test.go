package benchmark

import (
	"context"
	"fmt"
	"os"
	"testing"

	"chop/hsm"
	"chop/hsm/hsmtest"
	"chop/internal/postgres/postgrestest"
	"chop/signer/activation"
)

// TestMain lets the test binary serve as its own token worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hsm-worker" {
		if err := hsm.WorkerMain(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func config(t testing.TB, approvals, people int) Config {
	t.Helper()
	db, _ := postgrestest.Activation(t, postgrestest.New(t))
	if err := activation.Migrate(t.Context(), db, "chop"); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w, err := hsm.StartWorker(t.Context(), hsm.WorkerConfig{Role: "activation", Argv: []string{exe, "hsm-worker"}, Token: hsmtest.SoftHSM(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	cfg := Config{DB: db, Approvals: approvals, People: people}
	if cfg.Vault, err = w.Vault(t.Context(), "resident"); err != nil {
		t.Fatal(err)
	}
	if cfg.MAC, err = w.MAC(t.Context(), "records"); err != nil {
		t.Fatal(err)
	}
	if cfg.Identity, err = w.GenerateKey(t.Context(), "identity", hsm.P256); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestRun(t *testing.T) {
	r, err := Run(t.Context(), config(t, 30, 10))
	if err != nil {
		t.Fatal(err)
	}
	if r.Approvals != 30 || r.Rate <= 0 || r.P99 < r.P50 || r.Raw <= 0 {
		t.Errorf("%+v", r)
	}
}

// BenchmarkApprovals: approvals a second, through the socket.
func BenchmarkApprovals(b *testing.B) {
	cfg := config(b, b.N, 200)
	b.ResetTimer()
	r, err := Run(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op") // enrolling is in it
	b.ReportMetric(r.Rate, "approvals/s")
	b.ReportMetric(float64(r.P50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(r.P99.Microseconds())/1000, "p99-ms")
	b.ReportMetric(r.Raw, "raw/s")
	b.ReportMetric(r.Share()*100, "%-of-raw")
	b.ReportMetric(float64(r.CPU.Microseconds()), "cpu-µs/approval")
	b.ReportMetric(float64(r.MemoryLast-r.MemoryFirst)/1024, "grown-KB")
}
