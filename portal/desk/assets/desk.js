// The desk's only script: passkeys in forms, and pages that wait for a phone or a colleague.
'use strict';
const bytes = t => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = b => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

async function answer(form) {
  const d = form.dataset;
  if ('create' in d) {
    const c = await navigator.credentials.create({publicKey: {
      challenge: bytes(d.challenge), rp: {id: d.rp, name: 'Chop'},
      user: {id: new TextEncoder().encode(d.user), name: d.user, displayName: d.user},
      pubKeyCredParams: [{type: 'public-key', alg: -7}], attestation: 'none',
      authenticatorSelection: {residentKey: 'preferred', userVerification: 'required'},
    }});
    return ['passkey', {id: text(c.rawId), attestationObject: text(c.response.attestationObject),
      clientDataJSON: text(c.response.clientDataJSON), transports: c.response.getTransports()}];
  }
  const c = await navigator.credentials.get({publicKey: {
    challenge: bytes(d.challenge), rpId: d.rp, userVerification: 'required',
    allowCredentials: [{type: 'public-key', id: bytes(d.passkey)}],
  }});
  return ['assertion', {id: text(c.rawId), authenticatorData: text(c.response.authenticatorData),
    clientDataJSON: text(c.response.clientDataJSON), signature: text(c.response.signature)}];
}

for (const form of document.querySelectorAll('form[data-get], form[data-create]')) {
  form.addEventListener('submit', async event => {
    if (form.dataset.answered) return;
    event.preventDefault();
    const failed = form.querySelector('[data-passkey-failed]');
    failed.hidden = true;
    try {
      const [field, value] = await answer(form);
      form.elements[field].value = JSON.stringify(value);
      form.dataset.answered = 'yes';
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}

// A page that waits looks again every two seconds, and is replaced when its heading for the decision changed.
if (document.querySelector('[data-poll]')) {
  const state = page => page.querySelector('.case [data-state]')?.textContent + '|' + (page.querySelector('form[data-get]') !== null);
  const here = state(document);
  const look = async () => {
    try {
      const path = location.pathname.replace(/\/(offer|card|verify|number|ticket|confirm)$/, '');
      const response = await fetch(path, {redirect: 'manual', headers: {'Desk-Poll': 'yes'}});
      if (response.type === 'opaqueredirect') { location.replace(path); return; } // the session is over: nothing of a person stays
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), 'text/html');
        if (state(page) !== here) { location.replace(path); return; }
      }
    } catch { /* the network is away: look again */ }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}

// What lies at the readers is looked for each second, in its place: what was typed beside it stays.
const fresh = document.querySelector('[data-fresh]');
if (fresh) {
  const cards = part => [...part.querySelectorAll('button')].map(b => b.value).join();
  const look = async () => {
    try {
      const response = await fetch('/chip', {redirect: 'manual', cache: 'no-store', headers: {'Desk-Poll': 'yes'}});
      if (response.type === 'opaqueredirect') { location.replace('/'); return; } // the session is over
      if (response.ok) {
        const now = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('[data-fresh]');
        if (now && cards(now) !== cards(fresh)) fresh.replaceChildren(...document.importNode(now, true).childNodes);
      }
    } catch { /* the network is away: look again */ }
    setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
}

// Pictures vanish with the decision, whoever makes it: the page leaves when it is told that its
// case does not wait any more (404), or that nobody is signed on here (a redirect). Whatever else is answered says nothing about the case.
const vanish = document.querySelector('[data-vanish]');
if (vanish) {
  const look = async () => {
    try {
      const response = await fetch(vanish.dataset.vanish, {redirect: 'manual', cache: 'no-store', headers: {'Desk-Poll': 'yes'}});
      if (response.status === 404 || response.type === 'opaqueredirect') {
        for (const picture of vanish.querySelectorAll('img')) picture.remove();
        location.replace(vanish.dataset.away);
        return;
      }
    } catch { /* the network is away: look again */ }
    setTimeout(look, 5000);
  };
  setTimeout(look, 5000);
  addEventListener('pageshow', event => { if (event.persisted) look(); });
}
