// The signing passkey. Its PRF output is the secret s: it is taken here, sealed
// by who called, and wiped; no object that could carry it further leaves this file.
// WebAuthn Level 3, 10.1.4 (prf).
import { equal, sha256, toB64 } from './bytes.js';

/** Why the passkey was not used: cancelled, no-prf, no-webauthn, exists, other. */
export class PasskeyError extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

export const available = () => Boolean(globalThis.PublicKeyCredential && navigator.credentials);

const reason = (e) => {
  if (e instanceof PasskeyError) return e;
  switch (e?.name) {
    case 'NotAllowedError': case 'AbortError': return new PasskeyError('cancelled');
    case 'InvalidStateError': return new PasskeyError('exists');
    case 'NotSupportedError': case 'ConstraintError': return new PasskeyError('no-prf');
    default: return new PasskeyError('other');
  }
};

/**
 * Asks for the passkey's signature over challenge, and for s.
 * @returns {Promise<{secret: Uint8Array, assertion: object, signed: object}>} secret: 32 bytes, the caller's to wipe
 */
export async function get({ challenge, rpId, passkey, prfSalt }) {
  if (!available()) throw new PasskeyError('no-webauthn');
  let credential;
  try {
    credential = await navigator.credentials.get({
      publicKey: {
        challenge, rpId, userVerification: 'required', timeout: 120000,
        allowCredentials: [{ type: 'public-key', id: passkey }],
        extensions: { prf: { eval: { first: prfSalt } } },
      },
    });
  } catch (e) {
    throw reason(e);
  }
  const results = credential.getClientExtensionResults();
  const first = results.prf?.results?.first;
  const secret = first ? new Uint8Array(first).slice() : null;
  if (first) new Uint8Array(first).fill(0);
  // toJSON() of this credential would carry s in what is sent; so nothing of the
  // results stays, and the answer below is built member by member.
  delete results.prf;
  if (!secret || secret.length !== 32) {
    secret?.fill(0);
    throw new PasskeyError('no-prf');
  }
  const r = credential.response;
  const id = new Uint8Array(credential.rawId);
  if (!equal(id, passkey)) {
    secret.fill(0);
    throw new PasskeyError('other');
  }
  return {
    secret,
    assertion: {
      id: toB64(id),
      authenticatorData: toB64(new Uint8Array(r.authenticatorData)),
      clientDataJSON: toB64(new Uint8Array(r.clientDataJSON)),
      signature: toB64(new Uint8Array(r.signature)),
    },
  };
}

/** Makes the signing passkey. @returns {Promise<object>} what the enrolment's passkey call takes */
export async function create(offer, challenge) {
  if (!available()) throw new PasskeyError('no-webauthn');
  let credential;
  try {
    credential = await navigator.credentials.create({
      publicKey: {
        challenge,
        rp: { id: offer.rpId, name: offer.rpName },
        user: { id: offer.userHandle, name: offer.userName, displayName: offer.userName },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        attestation: 'direct',
        timeout: 180000,
        extensions: { prf: {} },
      },
    });
  } catch (e) {
    throw reason(e);
  }
  const results = credential.getClientExtensionResults();
  const enabled = results.prf?.enabled === true;
  delete results.prf;
  if (!enabled) throw new PasskeyError('no-prf');
  const r = credential.response;
  return {
    id: toB64(new Uint8Array(credential.rawId)),
    attestationObject: toB64(new Uint8Array(r.attestationObject)),
    clientDataJSON: toB64(new Uint8Array(r.clientDataJSON)),
    transports: (r.getTransports?.() ?? []).slice(0, 8),
  };
}

/** A fingerprint of a secret, to compare two without keeping the first. */
export const fingerprint = (secret) => sha256(secret);
