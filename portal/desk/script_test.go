//go:build browser

package desk

import (
	"os/exec"
	"strings"
	"testing"
)

// waits runs desk.js on a page with pictures and gives it one answer after the other; it says how many were asked for before the page left.
const waits = `
const answers = JSON.parse(process.argv[2]);
let asked = 0, removed = 0, left = '', next = null;
const page = {dataset: {vanish: '/waits', away: '/referred'}, querySelectorAll: () => [{remove: () => removed++}, {remove: () => removed++}]};
require('vm').runInNewContext(require('fs').readFileSync(process.argv[1], 'utf8'), {
  document: {querySelectorAll: () => [], querySelector: s => s === '[data-vanish]' ? page : null},
  location: {replace: to => { left = to; }}, addEventListener() {}, setTimeout: f => { next = f; },
  fetch: async () => {
    const a = answers[asked++];
    if (a === 'lost') throw new TypeError('network');
    return a === 'redirect' ? {status: 0, type: 'opaqueredirect'} : {status: a, type: 'basic'};
  },
});
(async () => {
  while (next && asked < answers.length) { const f = next; next = null; await f(); }
  console.log([asked, removed, left].join(' '));
})();`

// A page with pictures leaves when its case is decided or its officer has signed off, and not because the network or the server is away.
func TestPicturesVanish(t *testing.T) {
	t.Parallel()
	for answers, want := range map[string]string{
		`[204, "lost", 503, 500, 429, 204, 404, 204]`: "7 2 /referred",
		`[204, "redirect", 204]`:                      "2 2 /referred",
		`["lost", 502, 403, 204]`:                     "4 0 ",
	} {
		said, err := exec.CommandContext(t.Context(), "node", "-e", waits, "assets/desk.js", answers).CombinedOutput()
		if got := strings.TrimSuffix(string(said), "\n"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", answers, got, err, want)
		}
	}
}
