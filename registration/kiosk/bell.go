package kiosk

import "sync"

// bells wake whoever waits for a change of a kiosk's session. They ring for changes by this process; another one's are
// seen by looking again.
type bells struct {
	mu sync.Mutex
	of map[string]chan struct{}
}

func (b *bells) wait(kiosk string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[string]chan struct{}{}
	}
	if b.of[kiosk] == nil {
		b.of[kiosk] = make(chan struct{})
	}
	return b.of[kiosk]
}

func (b *bells) ring(kiosk string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bell := b.of[kiosk]; bell != nil {
		close(bell)
		delete(b.of, kiosk)
	}
}

// Changed is closed once a kiosk's session was changed by this process. Ask for it before the session, look again from time to
// time besides: another process may serve the kiosk's agent.
func (b *Book) Changed(k Kiosk) <-chan struct{} { return b.bells.wait(k.ID) }
