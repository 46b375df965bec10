package hsm

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
)

// The raw rates call the module and nothing else, from as many goroutines as
// the other benchmarks have callers; what Local and Worker add is the
// difference to them.

// callers is how many goroutines ask for signatures.
const callers = 16

func benchToken(b *testing.B) Config {
	dir := filepath.Join(b.TempDir(), "token")
	if err := CreateSoftHSM(b.Context(), dir, "bench", "1234-user", "1234-so"); err != nil {
		b.Fatal(err)
	}
	return Config{Module: SoftHSMModule, Label: "bench", PIN: "1234-user", SoftHSMDir: dir}
}

// tokens runs a benchmark on both kinds of Token.
func tokens(b *testing.B, run func(b *testing.B, token Token)) {
	b.Run("local", func(b *testing.B) {
		l, err := Open(b.Context(), benchToken(b))
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		run(b, l)
	})
	b.Run("worker", func(b *testing.B) {
		exe, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		w, err := StartWorker(b.Context(), WorkerConfig{Role: "bench", Argv: []string{exe, "hsm-worker"}, Token: benchToken(b)})
		if err != nil {
			b.Fatal(err)
		}
		defer w.Close()
		run(b, w)
	})
}

// parallel runs fn b.N times from all callers, and reports a rate.
func parallel(b *testing.B, fn func() error) {
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	var failed atomic.Pointer[error]
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := fn(); err != nil {
				failed.Store(&err)
				return
			}
		}
	})
	b.StopTimer()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpuTime is what this process and the workers that it has now have used of
// the processors, user and system: less noisy than a rate on a busy machine.
func cpuTime(b *testing.B) time.Duration {
	total := time.Duration(0)
	pids := []int{os.Getpid()}
	children, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range children {
		text, _ := os.ReadFile(file) // a thread may have ended since
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest)
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		total += time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
	}
	return total
}

func BenchmarkSign(b *testing.B) {
	digest := sha256.Sum256(nil)
	for _, spec := range []KeySpec{P256, RSA2048} {
		b.Run(spec, func(b *testing.B) {
			b.Run("raw", func(b *testing.B) {
				raw(b, func(l *Local) func(*session) error {
					k, err := l.GenerateKey(b.Context(), "k", spec)
					if err != nil {
						b.Fatal(err)
					}
					in, _ := signMechanism(k.Public(), digest[:], crypto.SHA256)
					h := k.(*localKey).obj.Load().object
					return func(s *session) error { _, err := rawSign(s, h, in); return err }
				})
			})
			tokens(b, func(b *testing.B, token Token) {
				k, err := token.GenerateKey(b.Context(), "k", spec)
				if err != nil {
					b.Fatal(err)
				}
				parallel(b, func() error { _, err := k.Sign(nil, digest[:], crypto.SHA256); return err })
			})
		})
	}
}

func BenchmarkUnwrapSignDestroy(b *testing.B) {
	digest := sha256.Sum256(nil)
	for _, spec := range []KeySpec{P256, RSA2048} {
		b.Run(spec, func(b *testing.B) {
			b.Run("raw", func(b *testing.B) {
				raw(b, func(l *Local) func(*session) error {
					v, err := l.openVault(b.Context(), "kek")
					if err != nil {
						b.Fatal(err)
					}
					_, pub, wrapped, err := v.generate(b.Context(), spec)
					if err != nil {
						b.Fatal(err)
					}
					w, _ := parseWrapped(wrapped)
					in, _ := signMechanism(pub, digest[:], crypto.SHA256)
					keyType := uint(pkcs11.CKK_EC)
					if spec == RSA2048 {
						keyType = pkcs11.CKK_RSA
					}
					template := unwrapTemplate(keyType)
					mech := []*pkcs11.Mechanism{pkcs11.NewMechanism(kwp, nil)}
					kek := v.keks[0].object
					return func(s *session) error {
						h, err := s.UnwrapKey(s.h, mech, kek, w.pkcs8, template)
						if err != nil {
							return err
						}
						if _, err := rawSign(s, h, in); err != nil {
							return err
						}
						return s.DestroyObject(s.h, h)
					}
				})
			})
			tokens(b, func(b *testing.B, token Token) {
				v, err := token.Vault(b.Context(), "kek")
				if err != nil {
					b.Fatal(err)
				}
				_, wrapped, err := v.Generate(b.Context(), spec)
				if err != nil {
					b.Fatal(err)
				}
				parallel(b, func() error {
					return v.Use(context.Background(), wrapped, func(k crypto.Signer) error {
						_, err := k.Sign(nil, digest[:], crypto.SHA256)
						return err
					})
				})
			})
		})
	}
}

func BenchmarkGenerateWrapped(b *testing.B) {
	tokens(b, func(b *testing.B, token Token) {
		v, err := token.Vault(b.Context(), "kek")
		if err != nil {
			b.Fatal(err)
		}
		parallel(b, func() error { _, _, err := v.Generate(context.Background(), P256); return err })
	})
}

// raw measures what prepare returns, with a session for each caller.
func raw(b *testing.B, prepare func(*Local) func(*session) error) {
	l, err := Open(b.Context(), benchToken(b))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	fn := prepare(l)
	sessions := make(chan *session, callers)
	for range callers {
		h, err := l.pool.open()
		if err != nil {
			b.Fatal(err)
		}
		sessions <- &session{module: l.m, h: h}
	}
	parallel(b, func() error {
		s := <-sessions
		defer func() { sessions <- s }()
		return fn(s)
	})
}

func rawSign(s *session, h pkcs11.ObjectHandle, in signInput) ([]byte, error) {
	if err := s.SignInit(s.h, []*pkcs11.Mechanism{in.mech}, h); err != nil {
		return nil, err
	}
	return s.Sign(s.h, in.data)
}
