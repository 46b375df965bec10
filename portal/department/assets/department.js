// The desk's only script: passkeys in forms, documents that are sent one by one, and progress.
const bytes = (t) => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const $ = (id) => document.getElementById(id)
const texts = $('texts') ? JSON.parse($('texts').textContent) : {}
const say = (key, ...args) => args.reduce((s, a, i) => s.replaceAll(`%[${i + 1}]d`, a), texts[key])

// Passkeys

async function answer ({ dataset: d }) {
  if ('create' in d) {
    const c = await navigator.credentials.create({ publicKey: {
      challenge: bytes(d.challenge), rp: { id: d.rp, name: 'Chop' },
      user: { id: new TextEncoder().encode(d.user), name: d.user, displayName: d.user },
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }], attestation: 'none',
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' }
    } })
    return ['passkey', { id: text(c.rawId), attestationObject: text(c.response.attestationObject), clientDataJSON: text(c.response.clientDataJSON), transports: c.response.getTransports() }]
  }
  const c = await navigator.credentials.get({ publicKey: {
    challenge: bytes(d.challenge), rpId: d.rp, userVerification: 'required', allowCredentials: [{ type: 'public-key', id: bytes(d.passkey) }]
  } })
  return ['assertion', { id: text(c.rawId), authenticatorData: text(c.response.authenticatorData), clientDataJSON: text(c.response.clientDataJSON), signature: text(c.response.signature) }]
}

for (const form of document.querySelectorAll('form[data-get], form[data-create]')) {
  form.addEventListener('submit', async (event) => {
    if (form.dataset.answered) return
    event.preventDefault()
    const failed = form.querySelector('[data-passkey-failed]')
    failed.hidden = true
    try {
      const [field, value] = await answer(form)
      form.elements[field].value = JSON.stringify(value)
      form.dataset.answered = 'yes'
      form.submit()
    } catch {
      failed.hidden = false
    }
  })
}

// Documents: one a request, so that a lost connection costs what was under way and nothing else. The server knows a
// document that it has, so that one may be sent again.

const bring = $('bring')
if (bring) {
  let list = []
  let failed = []
  let sent = 0
  const show = () => {
    $('sending').hidden = false
    $('bar').max = Math.max(1, list.length)
    $('bar').value = sent
    $('count').textContent = say('sent-of', sent, list.length)
  }
  const send = async (file) => {
    const form = new FormData()
    form.append('format', $('format').value)
    form.append('document', file, file.name)
    try {
      const response = await fetch(bring.action, { method: 'POST', body: form, headers: { Accept: 'application/json' } })
      if (response.ok) return sent++
      const problem = await response.json().catch(() => ({}))
      failed.push({ file, why: problem.detail || texts['not-sent'] })
    } catch {
      failed.push({ file, why: texts.lost })
    }
  }
  const run = async (files) => {
    const queue = [...files]
    failed = []
    $('lost').hidden = true
    show()
    await Promise.all([1, 2, 3].map(async () => { while (queue.length) { await send(queue.shift()); show() } }))
    if (!failed.length) return location.replace(location.pathname)
    $('lost').hidden = false
    $('lost').querySelector('p').textContent = texts['not-sent']
    $('lost').querySelector('ul').replaceChildren(...failed.slice(0, 20).map(({ file, why }) => { const li = document.createElement('li'); li.textContent = `${file.name}: ${why}`; return li }))
  }
  const add = (files) => { list = [...files]; sent = 0; if (list.length) run(list) }
  $('documents').addEventListener('change', (e) => { add(e.target.files); e.target.value = '' })
  $('again').addEventListener('click', () => run(failed.map((f) => f.file)))
  // Anywhere on the page is a place to drop: a file that missed the area would be opened by the browser instead.
  addEventListener('dragover', (e) => { e.preventDefault(); document.querySelector('.dropzone').classList.add('over') })
  addEventListener('dragleave', () => document.querySelector('.dropzone').classList.remove('over'))
  addEventListener('drop', (e) => { e.preventDefault(); document.querySelector('.dropzone').classList.remove('over'); add(e.dataTransfer.files) })
}

// Progress: looked at each second while a batch is sealed, and each few while another operator is waited for.

const state = document.querySelector('[data-state]')
if (state && ['approved', 'asked'].includes(state.dataset.state)) {
  const look = async () => {
    try {
      const response = await fetch(location.pathname + '/progress', { cache: 'no-store', headers: { Accept: 'application/json' } })
      if (response.ok) {
        const now = await response.json()
        if (now.state !== state.dataset.state) return location.replace(location.pathname)
        if (now.state === 'approved') {
          $('bar').value = now.sealed + now.refused
          $('count').textContent = say('sealed-of', now.sealed, now.documents)
          now.states.forEach((s, i) => {
            const word = document.querySelector(`[data-document="${i + 1}"] .state`)
            if (word && !word.classList.contains('state--' + s)) { word.className = 'state state--' + s; word.textContent = texts['document-' + s] }
          })
        }
      }
    } catch { /* the network is away: look again */ }
    setTimeout(look, state.dataset.state === 'approved' ? 1000 : 3000)
  }
  setTimeout(look, 1000)
}
