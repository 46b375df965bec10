package ca

import (
	"math/big"
	"sync"
	"time"
)

// maxAnswers bounds each of the cache's maps. Asking for many serials costs an
// attacker as much as us; it must not cost memory without end.
const maxAnswers = 20_000

// answerCache keeps statuses for seconds and signed answers for minutes. An
// answer is given again only while the certificate's status version is the one
// that it states. Answers with a nonce never come here.
type answerCache struct {
	mu       sync.Mutex
	statuses map[string]known
	answers  map[string]answer
	changes  uint64
}

type answer struct {
	der        []byte
	version    int
	thisUpdate time.Time
}

func newAnswerCache() *answerCache {
	return &answerCache{statuses: make(map[string]known), answers: make(map[string]answer)}
}

func (c *answerCache) status(serial *big.Int, notBefore time.Time) (known, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.statuses[string(serial.Bytes())]
	return k, ok && !k.at.Before(notBefore)
}

// epoch counts the changes made through this process. A status that was read
// before a change must not be learned after it.
func (c *answerCache) epoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes
}

func (c *answerCache) learn(serial *big.Int, k known, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.changes {
		return
	}
	makeRoom(c.statuses)
	c.statuses[string(serial.Bytes())] = k
}

// forget makes the next question about a serial ask the database.
func (c *answerCache) forget(serial *big.Int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.statuses, string(serial.Bytes()))
}

// forgetAnswers makes the next question get an answer that is signed anew.
func (c *answerCache) forgetAnswers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.answers)
}

func (c *answerCache) answer(key string, version int, notBefore time.Time) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[key]
	return a.der, ok && a.version == version && !a.thisUpdate.Before(notBefore)
}

func (c *answerCache) keep(key string, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.answers)
	c.answers[key] = a
}

// makeRoom drops an eighth of a full map, whichever entries come first.
func makeRoom[V any](m map[string]V) {
	if len(m) < maxAnswers {
		return
	}
	n := maxAnswers / 8
	for k := range m {
		delete(m, k)
		if n--; n == 0 {
			return
		}
	}
}
