// The camera of registration: a photo of the card, and frames of the face that the server asks for
// one by one. Pictures are drawn on a canvas of this page, sent, and overwritten: none stays here. The server judges
// every frame; what this script says is for the person only.
export function camera () {
  const part = document.querySelector('[data-camera]')
  if (!part) return
  if (!navigator.mediaDevices?.getUserMedia) {
    for (const note of document.querySelectorAll('[data-no-camera]')) note.hidden = false
    return
  }
  part.hidden = false
  const view = new View(part)
  if (view.file && !view.file.dataset.wrong) view.file.hidden = true // for who has no camera here
  addEventListener('pagehide', () => view.close())
  part.querySelector('[data-open]').addEventListener('click', () => (part.dataset.camera === 'card' ? card : face)(view))
}

// View is what the camera sees, and what the page says about it.
class View {
  constructor (part) {
    this.part = part
    this.video = part.querySelector('[data-video]')
    this.finder = part.querySelector('[data-finder]')
    this.open = part.querySelector('[data-open]')
    this.status = part.querySelector('[data-status]')
    this.said = document.querySelector('[data-said]')
    this.file = document.querySelector('[data-file]')
  }

  async start (constraints) {
    this.fail('')
    this.open.disabled = true
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: constraints })
      this.video.srcObject = this.stream
      this.finder.hidden = false
      await this.video.play()
      return true
    } catch (e) {
      this.close()
      if (this.file) this.file.hidden = false
      this.fail(this.part.dataset.refused)
      return false
    }
  }

  close () {
    for (const track of this.stream?.getTracks() || []) track.stop()
    this.stream = this.video.srcObject = null
    this.finder.hidden = true
    this.open.disabled = this.open.hidden = false
  }

  say (text) { if (this.status.textContent !== text) this.status.textContent = text }

  fail (text) {
    this.said.hidden = !text
    this.said.querySelector('[data-text]').textContent = text
    if (text) this.said.focus()
  }

  // shoot gives the present picture as a JPEG whose longer side is at most so long.
  async shoot (longest, quality) {
    const { videoWidth: w, videoHeight: h } = this.video
    const scale = Math.min(1, longest / Math.max(w, h, 1))
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(w * scale)
    canvas.height = Math.round(h * scale)
    canvas.getContext('2d').drawImage(this.video, 0, 0, canvas.width, canvas.height)
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality))
    canvas.width = canvas.height = 0 // forgets the pixels
    return blob
  }
}

async function send (url, body, headers) {
  const answer = await fetch(url, { method: 'POST', headers: { Accept: 'application/json', ...headers }, body, cache: 'no-store' })
  const data = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(data.title || answer.statusText), { person: data.detail })
  return data
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// card opens the camera; the person takes the photo when they like it.
async function card (view) {
  const shoot = view.part.querySelector('[data-shoot]')
  if (!await view.start({ facingMode: { ideal: 'environment' }, width: { ideal: 1920 }, height: { ideal: 1440 } })) return
  view.open.hidden = true
  shoot.hidden = false
  shoot.focus()
  shoot.onclick = async () => {
    shoot.disabled = true
    view.fail('')
    view.say(view.part.dataset.sending)
    try {
      const form = new FormData()
      form.append('photo', await view.shoot(2048, 0.9), 'card.jpg')
      const answer = await send(view.part.dataset.post, form)
      if (answer.next) {
        view.close()
        return location.assign(answer.next)
      }
      view.fail(answer.said)
    } catch (e) {
      view.fail(e.person || view.part.dataset.failed)
    }
    view.say('')
    shoot.disabled = false
  }
}

// face goes through the server's challenge, a frame at a time: each carries the nonce of the answer before.
async function face (view) {
  const { dataset } = view.part
  const hint = view.part.querySelector('[data-hint]')
  const progress = view.part.querySelector('[data-progress]')
  const clock = view.part.querySelector('[data-clock]')
  if (!await view.start({ facingMode: { ideal: 'user' }, width: { ideal: 1280 }, height: { ideal: 960 } })) return
  view.open.hidden = true
  const stop = (text) => {
    view.close()
    progress.hidden = clock.hidden = true
    hint.textContent = ''
    view.say('')
    if (text) view.fail(text)
  }
  try {
    let step = await send(dataset.begin, '{}', { 'Content-Type': 'application/json' })
    let at = 0
    let until = 0
    let total = 1
    while (!step.next && !step.over) {
      if (step.step !== at) { // another movement: say it, and give time to hear and do it
        if (at > 0 && navigator.vibrate) navigator.vibrate(120)
        at = step.step
        total = step.left
        until = performance.now() + 1000 * step.left
        progress.hidden = clock.hidden = false
        progress.querySelector('[data-at]').textContent = step.step
        progress.querySelector('[data-of]').textContent = step.of
        hint.textContent = ''
        view.say(dataset['pose' + capital(step.pose)])
        await pause(1200)
      } else {
        const text = dataset['said' + step.said?.split('-').map(capital).join('')] || ''
        if (hint.textContent !== text && performance.now() > until - 1000 * total + 3000) hint.textContent = text
        await pause(350)
      }
      clock.value = Math.max(0, (until - performance.now()) / 1000 / total)
      step = await send(dataset.post, await view.shoot(960, 0.85), { 'Content-Type': 'image/jpeg', 'Frame-Nonce': step.nonce })
    }
    if (step.over) return stop(dataset.over + ' ' + step.tries)
    if (navigator.vibrate) navigator.vibrate([120, 80, 120])
    stop('')
    view.open.disabled = true
    view.say(dataset.checking)
    location.assign(step.next)
  } catch (e) {
    stop(e.person || dataset.failed)
  }
}

function capital (word) { return word.charAt(0).toUpperCase() + word.slice(1) }
