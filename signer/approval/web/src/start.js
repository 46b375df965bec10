// The beginning of both tasks: whose offer this is, and what becomes of failures.
import * as api from './api.js';
import { importIdentity, OfferError, readOffer } from './offer.js';
import * as pin from './pin.js';
import { PinError } from './pin.js';
import { message } from './ui.js';

/** Asks for the identity key and checks it against what this browser knows. */
export async function identity() {
  const { key, portal } = await api.identity();
  pin.check(key);
  return { spki: key, key: await importIdentity(key), portal };
}

/** Fetches an offer and verifies it. */
export async function fetchOffer(kind, id, who) {
  const envelope = await (kind === 'sign' ? api.transaction(id) : api.enrolment(id));
  return readOffer(envelope, who.key, { kind, id, host: location.hostname });
}

/**
 * The page for a failure. names maps the services' codes to texts; retry is
 * offered where trying again can help.
 */
export function failure(e, { names = {}, retry = null, back = null, p = {} } = {}) {
  let key;
  if (e instanceof PinError) key = 'identity';
  else if (e instanceof OfferError) key = 'mismatch';
  else if (e instanceof api.ApiError) key = e.code;
  else key = 'failed';
  key = names[key] ?? key;
  if (!['unknown', 'expired', 'used', 'cancelled', 'failed', 'suspended', 'assertion', 'mismatch', 'identity', 'refused', 'unavailable',
    'connection', 'enrolexpired', 'enrolfailed', 'enrolunknown'].includes(key)) key = names.failed ?? 'failed';
  const again = retry && ['unavailable', 'connection'].includes(key) ? { t: 'again', onclick: retry } : null;
  message('problem', key, { back, action: again, p });
}
