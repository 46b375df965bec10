// Sign-in and binding with a passkey. The page says where to ask and where to go on; the
// server's JSON is WebAuthn's own (Level 3, 5.1.8 to 5.1.11). No extension is asked for:
// the sign-in passkey can never be used to sign.
const json = 'application/json'

export function passkeys () {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      run(form)
    })
  }
  if (!window.PublicKeyCredential) {
    for (const part of document.querySelectorAll('[data-no-passkey]')) part.hidden = false
    for (const part of document.querySelectorAll('[data-with-passkey]')) part.hidden = true
  }
  warnWithoutPRF()
}

// warnWithoutPRF shows what works instead where this browser is known not to derive secrets.
async function warnWithoutPRF () {
  const parts = document.querySelectorAll('[data-no-prf]')
  if (parts.length === 0) return
  let able = !!window.PublicKeyCredential
  if (able && PublicKeyCredential.getClientCapabilities) {
    const known = await PublicKeyCredential.getClientCapabilities().catch(() => ({}))
    able = known['extension:prf'] !== false
  }
  if (able) return
  for (const part of parts) part.hidden = false
}

async function run (form) {
  const button = form.querySelector('button:not([name])')
  const said = document.getElementById(form.dataset.status)
  const say = (text) => { if (said) { said.hidden = !text; said.querySelector('[data-text]').textContent = text || '' } }
  button.disabled = true
  say('')
  try {
    const options = await post(form.dataset.begin, {})
    const make = form.dataset.passkey === 'create'
    const PK = window.PublicKeyCredential
    const credential = make
      ? await navigator.credentials.create({ publicKey: PK.parseCreationOptionsFromJSON(options.publicKey) })
      : await navigator.credentials.get({ publicKey: PK.parseRequestOptionsFromJSON(options.publicKey) })
    const done = await post(form.dataset.finish, credential.toJSON())
    location.assign(done.next)
  } catch (e) {
    button.disabled = false
    const known = e && e.person
    say(known || (e && e.name === 'NotAllowedError' ? form.dataset.cancelled : form.dataset.failed))
    if (said) said.focus()
  }
}

async function post (url, body) {
  const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': json, Accept: json }, body: JSON.stringify(body) })
  const data = await answer.json().catch(() => ({}))
  if (!answer.ok) throw Object.assign(new Error(data.title || answer.statusText), { person: data.detail })
  return data
}
