// What the page asks of its own origin. JSON, no cookie, no query.

/** An answer that is no success. code is the service's word for it: see docs/approval-protocol.md. */
export class ApiError extends Error {
  constructor(code, status) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

/** How far this device's clock is behind the server's, in milliseconds. */
let skew = 0;
export const now = () => Date.now() + skew;

async function ask(path, init = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', ...init });
  } catch {
    throw new ApiError('connection', 0);
  }
  const date = Date.parse(answer.headers.get('Date') ?? '');
  if (!Number.isNaN(date) && Math.abs(date - Date.now()) > 2000) skew = date - Date.now();
  if (answer.ok) return answer;
  let code = answer.status === 404 ? 'unknown' : answer.status >= 500 ? 'unavailable' : 'refused';
  try {
    const problem = await answer.json();
    if (typeof problem.code === 'string') code = problem.code;
  } catch {
    // not a problem that names its code
  }
  throw new ApiError(code === 'not-found' ? 'unknown' : code, answer.status);
}

const json = async (path, init) => {
  const answer = await ask(path, init);
  try {
    return await answer.json();
  } catch {
    throw new ApiError('connection', 0);
  }
};

const post = (path, body) => json(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

export const identity = () => json('/identity.json');
export const bundle = () => json('/bundle.json');

export const transaction = (tx) => json(`/api/tx/${tx}`);
export const approve = (tx, body) => post(`/api/tx/${tx}/approve`, body);
export const decline = (tx, reason) => post(`/api/tx/${tx}/decline`, { reason });

export const enrolment = (id) => json(`/api/enrol/${id}`);
export const passkey = (id, body) => post(`/api/enrol/${id}/passkey`, body);
export const sealed = (id, body) => post(`/api/enrol/${id}/seal`, body);

/** Document n's bytes, exactly size of them. */
export async function documentBytes(tx, n, size, onProgress = () => {}) {
  const answer = await ask(`/api/tx/${tx}/documents/${n}`);
  const out = new Uint8Array(size);
  let at = 0;
  try {
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > size) throw new ApiError('mismatch', 200);
      out.set(value, at);
      at += value.length;
      onProgress(at / size);
    }
  } catch (e) {
    throw e instanceof ApiError ? e : new ApiError('connection', 0);
  }
  if (at !== size) throw new ApiError('connection', 0);
  return out;
}
