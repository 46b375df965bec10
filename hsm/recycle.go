package hsm

// remember keeps what the next process should open before it serves.
func (w *Worker) remember(op op, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened[name] = op
}

// countUnwrap replaces the process after RecycleAfter unwrapped keys: the new
// one is started and has opened everything before it gets the first request,
// and the old one ends when its last caller has its answer.
func (w *Worker) countUnwrap(p *process) {
	p.mu.Lock()
	p.unwraps++
	due := p.unwraps >= w.cfg.RecycleAfter
	p.mu.Unlock()
	if !due {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.recycle || w.current != p || w.closed != nil || w.refused != nil {
		return
	}
	w.recycle = true
	opened := make(map[string]op, len(w.opened))
	for name, op := range w.opened {
		opened[name] = op
	}
	w.starting.Go(func() { w.replace(p, opened) })
}

func (w *Worker) replace(old *process, opened map[string]op) {
	fresh, err := startProcess(w.life, &w.cfg)
	for name, op := range opened {
		if err == nil {
			_, err = fresh.call(w.life, op, []byte(name))
		}
	}
	w.noteRefused(err)
	w.mu.Lock()
	w.recycle = false
	swapped := err == nil && w.current == old && w.closed == nil
	if swapped {
		w.current = fresh
	}
	w.mu.Unlock()
	switch {
	case swapped:
		w.cfg.Log.Debug("token worker recycled", "role", w.cfg.Role)
		old.retire(w.life.Done())
	case fresh != nil:
		fresh.stop()
	}
	if err != nil {
		w.cfg.Log.Warn("token worker could not be recycled", "role", w.cfg.Role, "error", err)
	}
}
