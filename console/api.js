import { eventReader } from './event-stream.js';

/** The public HTTP contract (/openapi.json), and nothing else. */
const STORED = 'amiferry.credential';
const QUEUES = 'amiferry.queues';
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15_000;

/** The API key or token, kept until the tab is closed. */
export const credential = {
  known: () => sessionStorage.getItem(STORED) !== null,
  keep: (secret) => sessionStorage.setItem(STORED, secret),
  forget: () => sessionStorage.removeItem(STORED),
};

function credentialHeaders() {
  const secret = sessionStorage.getItem(STORED);
  if (secret === null) return {};
  return secret.startsWith('amiferry_') ? { 'X-API-Key': secret } : { Authorization: `Bearer ${secret}` };
}

/** What the API refused: problem details (RFC 9457). `status` 0: it could not be reached. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail);
    this.status = status;
    this.body = body;
  }
}

async function problemOf(answer) {
  const body = await answer.json().catch(() => ({
    title: `HTTP ${answer.status}`,
    detail: 'The answer is not one of this service: something in between gave it. Try again later.',
  }));
  const problem = new Problem(answer.status, body);
  if (answer.status === 401) document.dispatchEvent(new CustomEvent('unauthenticated', { detail: problem }));
  return problem;
}

async function call(path, init) {
  const headers = { ...credentialHeaders(), ...init.headers };
  const answer = await fetch(path, { ...init, headers, cache: 'no-store' }).catch((error) => {
    if (init.signal?.aborted) throw error;
    const detail =
      'The service can not be reached. Nothing is lost: jobs go on without this page. Try again.';
    throw new Problem(0, { title: 'No connection', detail });
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

/** @throws {Problem} */
export async function get(path, signal) {
  return (await call(path, { signal })).json();
}

/** Whether readiness says so, which may be a 503; true where it does not answer. */
export async function isWorkerRunning() {
  const { checks = [] } = await get('/health/ready').catch(({ body }) => body);
  return checks.every(({ name, ok }) => name !== 'workers' || ok);
}

/**
 * A request that changes something. The same one sent again after a lost answer has the same Idempotency-Key, and so
 * makes no second job. @throws {Problem}
 */
export async function change(method, path, body, more = {}) {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const same = `${method} ${path} ${content.body ?? ''}`;
  if (unanswered?.same !== same) unanswered = { same, key: newKey() };
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const headers = { 'Idempotency-Key': unanswered.key, ...type, ...more };
  try {
    const answer = await call(path, { method, headers, ...content });
    unanswered = null;
    return await answer.json();
  } catch (error) {
    if (error.status > 0 && error.status < 500) unanswered = null;
    throw error;
  }
}

let unanswered = null;

/**
 * The queues are a page of their own, and a browser sends no credential along to a page. So an administrator asks for a cookie,
 * which is good for them alone, and gives it back when he signs out.
 */
export const queueSession = {
  async open() {
    await call('/queues/session', { method: 'POST' });
    sessionStorage.setItem(QUEUES, 'open');
  },
  async close() {
    if (sessionStorage.getItem(QUEUES) === null) return;
    sessionStorage.removeItem(QUEUES);
    await call('/queues/session', { method: 'DELETE' });
  },
};

/** crypto.randomUUID is missing where the page came over plain HTTP. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join('-');
}

/**
 * Follows server-sent events until `signal` aborts or the API says that nothing more comes. EventSource could send no
 * credentials. `opened` is called at each connection, `event` for each event, with its type in it, and `closed` with
 * whether it will go on when a connection is lost. @throws {Problem} when it is refused for good
 */
export async function follow(path, { opened, event, closed, signal }) {
  let last = null;
  let wait = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      const resume = last === null ? {} : { 'Last-Event-ID': last };
      const answer = await call(path, { signal, headers: { Accept: 'text/event-stream', ...resume } });
      if (answer.status === 204) break;
      wait = FIRST_RETRY_MS;
      opened?.();
      for await (const message of messages(answer.body)) {
        last = message.id;
        event(message.data);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    closed?.(true);
    await pause(wait, signal);
    wait = Math.min(wait * 2, LAST_RETRY_MS);
  }
  if (!signal.aborted) closed?.(false);
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const read = eventReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield* read(value);
  }
}

/** @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
