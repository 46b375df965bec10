// The page works without this. It says at once that a file is too large, and that a check is under way.
const form = document.querySelector('form[data-limit]')
if (form) {
  const tooLarge = document.getElementById('too-large')
  const busy = form.querySelector('[data-busy]')
  const button = form.querySelector('button.primary')
  const total = () => [...form.querySelectorAll('input[type=file]')].flatMap((i) => [...i.files]).reduce((n, f) => n + f.size, 0)
  const look = () => { tooLarge.hidden = total() <= Number(form.dataset.limit); return tooLarge.hidden }
  form.addEventListener('change', look)
  form.addEventListener('submit', (e) => {
    if (!look() || button.getAttribute('aria-disabled')) { e.preventDefault(); return }
    button.setAttribute('aria-disabled', 'true')
    busy.textContent = busy.dataset.busy
  })
  // Going back shows the form as it was: it can be sent again.
  addEventListener('pageshow', () => { button.removeAttribute('aria-disabled'); busy.textContent = '' })
}
document.querySelector('.summary')?.focus()
