// The identity key of the signing service, remembered in this browser: from then
// on another one is refused.
const NAME = 'chop.identity';

export class PinError extends Error {}

/** Throws PinError if this browser knows another key. */
export function check(key) {
  const known = localStorage.getItem(NAME);
  if (known !== null && known !== key) throw new PinError('the signing service has another key');
}

export const remember = (key) => localStorage.setItem(NAME, key);
