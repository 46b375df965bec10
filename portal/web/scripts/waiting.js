// Pages that wait for something: they ask the server every two seconds whether it has
// moved, and are loaded anew when it has. Without script they refresh themselves.
export function waiting () {
  const page = document.querySelector('[data-wait]')
  if (page) watch(page)
  for (const clock of document.querySelectorAll('[data-until]')) tick(clock)
}

function watch (page) {
  let misses = 0
  const look = async () => {
    try {
      const answer = await fetch(page.dataset.wait, { headers: { Accept: 'application/json' }, cache: 'no-store' })
      const data = answer.ok ? await answer.json() : {}
      misses = answer.ok ? 0 : misses + 1
      if ((data.state && data.state !== page.dataset.state) || answer.status === 401) return location.replace(location.pathname)
    } catch (e) {
      misses++
    }
    const lost = document.querySelector('[data-lost]')
    if (lost) lost.hidden = misses < 3
    setTimeout(look, misses < 3 ? 2000 : 5000)
  }
  setTimeout(look, 2000)
}

// tick moves a clock: the seconds left come from the server, so a wrong clock here does no harm.
function tick (clock) {
  const total = Number(clock.dataset.total)
  const end = performance.now() + Number(clock.dataset.until) * 1000
  const bar = clock.querySelector('progress')
  const text = clock.querySelector('[data-left]')
  const draw = () => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000))
    if (bar) bar.value = total ? left / total : 0
    if (text) text.textContent = Math.floor(left / 60) + ':' + String(left % 60).padStart(2, '0')
    if (left > 0) setTimeout(draw, 1000)
  }
  draw()
}
