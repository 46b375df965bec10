package benchmark

import (
	"context"
	"fmt"
	"os"
	"strconv"
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

// Memory stays flat, however many approvals there were; CHOP_APPROVALS sets how many there are, for a long run.
//
// The process may hold 8 MiB more at the end than after a tenth: over 100,000 approvals these are 93 bytes each, where
// what is handled for one (R, the assertion, the attributes, the evidence) has some thousand. SoftHSM itself leaks about
// 230 bytes with each use of a key, so its worker may grow by 32 MiB, which is 340 bytes for each of 100,000 uses: then
// it is replaced, and what it held is gone.
func TestRun(t *testing.T) {
	t.Parallel()
	n := 30
	if text := os.Getenv("CHOP_APPROVALS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(t.Context(), config(t, n, min(n/3, 200)))
	if err != nil {
		t.Fatal(err)
	}
	if r.Approvals != n || r.Rate <= 0 || r.P99 < r.P50 || r.Raw <= 0 {
		t.Errorf("%+v", r)
	}
	for i, m := range r.Memory {
		t.Logf("after %3d %%: process %d KiB, at most %d; worker %d KiB, at most %d",
			[]int{10, 50, 100}[i], m.Process>>10, m.ProcessPeak>>10, m.Worker>>10, m.WorkerPeak>>10)
		if m.Process == 0 || m.Worker == 0 {
			t.Errorf("not measured: %+v", m)
		}
		if grown := m.Process - r.Memory[0].Process; grown > 8<<20 {
			t.Errorf("the process has grown by %d KiB", grown>>10)
		}
		if grown := m.WorkerPeak - r.Memory[0].Worker; grown > 32<<20 {
			t.Errorf("the worker has grown by %d KiB", grown>>10)
		}
	}
	t.Logf("%d approvals, %.0f a second", n, r.Rate)
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
	b.ReportMetric(float64(r.Memory[2].Process-r.Memory[0].Process)/1024, "grown-KB")
}
