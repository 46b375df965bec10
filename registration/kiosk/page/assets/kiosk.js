// The kiosk's script: asks where the session is, keeps it while somebody touches, and works the camera. It keeps
// nothing. Pictures are drawn on a canvas of this page, sent, and overwritten.
const body = document.body
const page = body.dataset.page
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const once = 'reason' in body.dataset // a reason that came with this answer, and that no session has
let until = performance.now() + 1000 * (once ? 60 : Number(body.dataset.left || 0))
let touched = performance.now()
let where // a session that is behind a reason: the page that it would be
let busy = false // the camera is at work and says itself when to look anew, or a button is being answered

document.querySelector('[data-title]').focus({ preventScroll: true })

function anew () { location.replace('/') }

// Where a card comes next, the server is asked for news: it answers when there are some, or after a second. A card that is
// being read is shown only if that takes long: its data are here sooner than another page would be.
const waits = ['start', 'reading', 'again'].includes(page)
const long = 400 // ms
let at = page
async function follow () {
  for (;;) {
    if (!waits) await pause(1000)
    else if (busy) await pause(100)
    try {
      const answer = await fetch(waits ? `/state?page=${at}&lang=${document.documentElement.lang}` : '/state', { cache: 'no-store' })
      if (!answer.ok) throw new Error(answer.statusText)
      const now = await answer.json()
      if (now.page === 'reading' && at !== 'reading') {
        at = 'reading'
        setTimeout(() => { if (at === 'reading' && !busy) anew() }, long)
        continue
      }
      if (at !== page && now.page === page) at = page // out again, before it was read
      where ??= now.page
      if (once) {
        // It stays until it was not touched for a minute, or the session goes on: a card is put in, or taken away.
        if ((now.page !== where || performance.now() - touched > 60000) && !busy) return anew()
        continue
      }
      until = performance.now() + 1000 * now.left
      if ((now.page !== page || now.lang !== document.documentElement.lang) && !busy) return anew()
    } catch {
      // Nobody is reached: nothing of a person may stay on the screen longer than the minute.
      if (page !== 'start' && performance.now() > until) document.querySelector('main').replaceChildren()
      await pause(500)
    }
    const ring = document.querySelector('[data-ring]')
    if (ring) ring.style.strokeDasharray = `${Math.max(0, (until - performance.now()) / 1000)} 60`
  }
}
follow()
// A button was pressed: the page that answers it is on its way, and nothing else may take its place.
addEventListener('submit', () => { busy = true })

function touch (event) {
  if (performance.now() - touched < 5000) return
  touched = performance.now()
  // What a button asks for is a touch itself; beside it, this answer could bring back the language that was chosen before.
  if (event.target.closest?.('button')) return
  fetch('/touch', { method: 'POST', redirect: 'manual' }).catch(() => {})
}
for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, touch, { passive: true })

async function send (url, content, headers) {
  const answer = await fetch(url, { method: 'POST', headers, body: content, cache: 'no-store' })
  if (!answer.ok || answer.redirected) throw new Error(answer.statusText)
  return await answer.json()
}

const part = document.querySelector('[data-camera]')
if (part) {
  const find = (name) => part.querySelector(`[data-${name}]`)
  const [video, finder, open, status, hint, alert] = ['video', 'finder', 'open', 'status', 'hint', 'alert'].map(find)
  let stream
  const close = (text) => {
    for (const track of stream?.getTracks() || []) track.stop()
    stream = video.srcObject = null
    finder.hidden = true
    busy = open.disabled = open.hidden = false
    status.textContent = hint.textContent = ''
    alert.textContent = text
    alert.hidden = !text
    open.focus()
  }
  const shoot = async () => {
    const scale = Math.min(1, 960 / Math.max(video.videoWidth, video.videoHeight, 1))
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(video.videoWidth * scale)
    canvas.height = Math.round(video.videoHeight * scale)
    canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height)
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85))
    canvas.width = canvas.height = 0 // forgets the pixels
    return blob
  }
  const word = (kind, name) => part.getAttribute(`data-${kind}-${name}`) || ''
  open.addEventListener('click', async () => {
    busy = open.disabled = true
    alert.hidden = true
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 }, height: { ideal: 960 } } })
      video.srcObject = stream
      finder.hidden = false
      await video.play()
    } catch {
      return close(part.dataset.refused)
    }
    open.hidden = true
    try {
      let step = await send('/face/begin', '', {})
      let at = 0
      while (!step.next && !step.over) {
        if (step.step !== at) { // another movement: say it, and give time to hear and do it
          at = step.step
          hint.textContent = ''
          status.textContent = word('pose', step.pose)
          await pause(1200)
        } else {
          hint.textContent = word('said', step.said)
          await pause(350)
        }
        step = await send('/face/frame', await shoot(), { 'Content-Type': 'image/jpeg', 'Frame-Nonce': step.nonce })
      }
      if (step.over) return close(`${word('over', step.over)} ${part.dataset.tries} ${step.tries}`)
      status.textContent = part.dataset.checking
      anew()
    } catch {
      close(part.dataset.failed)
    }
  })
}
