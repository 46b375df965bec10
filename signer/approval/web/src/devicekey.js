// The page's own key, for passkeys that travel with a cloud account: WebCrypto
// P-256, not extractable, in this browser's IndexedDB and nowhere else.
import { toB64 } from './bytes.js';

const STORE = 'keys';

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function open() {
  const request = indexedDB.open('chop-approval', 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return done(request);
}

async function inStore(mode, act) {
  const db = await open();
  try {
    return await done(act(db.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    db.close();
  }
}

/** Makes a key for a passkey and keeps it. @returns {Promise<string>} SubjectPublicKeyInfo, base64url */
export async function make(passkey) {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  await inStore('readwrite', (s) => s.put(pair.privateKey, passkey));
  await navigator.storage?.persist?.().catch(() => false);
  return toB64(new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)));
}

/** The key for a passkey, or undefined in a browser that has none. */
export const find = (passkey) => inStore('readonly', (s) => s.get(passkey));

/** ES256 over the challenge; r‖s in base64url. */
export const sign = async (key, challenge) =>
  toB64(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, challenge)));
