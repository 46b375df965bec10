package hsm

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A call into a module cannot be cancelled, and a module can hang for minutes
// or for ever. The worker tells, while something takes long, what is running
// in the module and since when; the parent decides that it hangs and kills it.
// A worker that says nothing at all, though it holds calls, hangs as well.

// openPatience is how many times the time for another call opening a token may take.
const openPatience = 6

// allowance is how long the token may work on one request. Finding RSA primes
// takes long on small devices, and so do starting a module and probing a vault.
func (p *process) allowance(op op) time.Duration {
	switch op {
	case opHello, opGenerateKey, opVaultGenerate, opVault:
		return openPatience * p.timeout
	}
	return p.timeout
}

// pulse hears from the worker what is running there. Time in its queue does
// not count; time in the module does.
func (p *process) pulse(fields [][]byte) {
	for _, f := range fields {
		if len(f) != 16 {
			continue
		}
		id, ran := binary.BigEndian.Uint64(f), time.Duration(binary.BigEndian.Uint64(f[8:]))
		p.mu.Lock()
		c := p.calls[id]
		p.mu.Unlock()
		// A call without an entry is one that nobody waits for.
		limit := p.allowance(opGenerateKey)
		if c != nil {
			limit = p.allowance(c.op)
		}
		if ran > limit {
			p.kill(fmt.Errorf("%w: the module has not answered for %v", ErrWorkerHung, ran.Round(time.Millisecond)))
			return
		}
	}
}

// watch kills a worker that holds calls and gives no sign of life at all.
func (p *process) watch() {
	tick := time.NewTicker(max(p.timeout/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.gone:
			return
		case now := <-tick.C:
			silence := now.Sub(p.started) - time.Duration(p.heard.Load())
			p.mu.Lock()
			hung := false
			for _, c := range p.calls {
				patience := p.timeout
				if c.op == opHello {
					patience = p.allowance(c.op) // it cannot tell anything yet
				}
				hung = hung || now.Sub(c.start) > patience && silence > patience
			}
			p.mu.Unlock()
			if hung {
				p.kill(fmt.Errorf("%w: no sign of life for %v", ErrWorkerHung, silence.Round(time.Millisecond)))
				return
			}
		}
	}
}
