package pdf

import (
	"container/list"
	"sync"
)

// cacheBytes is how much of decoded object streams is kept.
const cacheBytes = 32 << 20

// anyRevision is the revision in the key of an object stream that is the same in all.
const anyRevision = -1

type streamKey struct {
	off uint64 // where the stream begins in the file
	rev int
}

// A streamCache keeps the object streams used last, so that reading object after
// object does not decode one stream over and over. The zero value is ready.
type streamCache struct {
	mu    sync.Mutex
	m     map[streamKey]*list.Element // of cached
	order list.List                   // most recently used first
	bytes int
}

type cached struct {
	key streamKey
	s   *objectStream
}

func (s *objectStream) size() int { return cap(s.data) + 16*cap(s.nums) }

func (c *streamCache) get(k streamKey) *objectStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.m[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).s
}

func (c *streamCache) put(k streamKey, s *objectStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[streamKey]*list.Element{}
	}
	if c.m[k] != nil {
		return
	}
	c.m[k] = c.order.PushFront(cached{k, s})
	c.bytes += s.size()
	for c.bytes > cacheBytes && c.order.Len() > 1 {
		old := c.order.Remove(c.order.Back()).(cached)
		delete(c.m, old.key)
		c.bytes -= old.s.size()
	}
}
