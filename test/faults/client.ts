import type { CopyJob } from '../../src/http/schemas/job.ts';
import type { CopyRequest } from '../../src/commands/request-copy.ts';
import { nextTry } from './waits.ts';

/** The image that all rounds copy: two snapshots, unencrypted, seeded by the simulator. */
const SOURCE = 'ami-0a1b2c3d4e5f60001';

/** The image that is copied into other accounts: two snapshots under a customer key, seeded by the simulator. */
export const ENCRYPTED_SOURCE = { region: 'us-east-1', imageId: 'ami-0a1b2c3d4e5f60002' };

/** One 202 that was answered. */
export interface Accepted {
  jobId: string;
  /** The name of the copies, which names the request. */
  name: string;
}

/** A caller of the API, as stubborn as callers are told to be: no answer and 503 mean "again". */
export class Client {
  readonly #url: string;
  readonly #patience: number;
  /** Every 202 ever answered. */
  readonly accepted: Accepted[] = [];
  /** Names of requests that were sent many times without a key, to make as many jobs. */
  readonly keyless = new Set<string>();
  /** Set where the API takes the header: a repeated POST is then the same request. */
  idempotency = false;

  /** @param patience how long it asks for the same thing, milliseconds */
  constructor(url: string, patience: number) {
    this.#url = url;
    this.#patience = patience;
  }

  /** Looks up in the API's own document whether it takes Idempotency-Key. */
  async learn(): Promise<void> {
    const answer = await fetch(`${this.#url}/openapi.json`);
    this.idempotency = /"idempotency-key"/i.test(await answer.text());
  }

  /** Where copies are asked for. */
  readonly copies = `/amis/${SOURCE}/copies`;

  /** Asks for a copy until it is accepted. */
  async copy(request: CopyRequest & { name: string }, source = SOURCE): Promise<CopyJob> {
    const job = await this.#insist(`/amis/${source}/copies`, request.name, request);
    if (job === null) throw new Error(`${request.name} was refused as done before`);
    return job;
  }

  async cancel(id: string): Promise<void> {
    await this.#insist(`/jobs/${id}/cancel`, `cancel-${id}`);
  }

  /** Asks for a change of an image's permissions until it is accepted. */
  async change(
    method: 'PATCH' | 'PUT' | 'DELETE',
    region: string,
    imageId: string,
    body?: object,
  ): Promise<string> {
    const path = `/amis/${imageId}/permissions?region=${region}`;
    const key = `${method}-${imageId}-${JSON.stringify(body)}`;
    const job = await this.#insist(path, key, body, method);
    if (job === null) throw new Error(`${method} ${path} was refused as done before`);
    return job.id;
  }

  /**
   * Asks for something that may be refused by now.
   * @returns the job; `null` where it was refused
   */
  async tryTo(
    method: 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<CopyJob | null> {
    const answer = await this.#again(() => this.#send(method, path, `${method}-${path}`, body, 8000));
    if (answer.status !== 202) return null;
    const job = (await answer.json()) as CopyJob;
    this.accepted.push({ jobId: job.id, name: `${method} ${path}` });
    return job;
  }

  /** @param time which retry of the job it is, from 1 */
  async retry(id: string, time: number): Promise<void> {
    await this.#insist(`/jobs/${id}/retry`, `retry-${id}-${time}`);
  }

  async job(id: string): Promise<CopyJob | null> {
    const answer = await this.#again(() => fetch(`${this.#url}/jobs/${id}`, { signal: timeout() }));
    return answer.status === 404 ? null : ((await answer.json()) as CopyJob);
  }

  /** All jobs there are, newest first, or all in one state. */
  async jobs(state?: CopyJob['state']): Promise<CopyJob[]> {
    const jobs: CopyJob[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = new URLSearchParams({ limit: '100', ...(state && { state }), ...(cursor && { cursor }) });
      const answer = await this.#again(() =>
        fetch(`${this.#url}/jobs?${query.toString()}`, { signal: timeout() }),
      );
      const page = (await answer.json()) as { jobs: CopyJob[]; nextCursor: string | null };
      jobs.push(...page.jobs);
      cursor = page.nextCursor;
    }
    return jobs;
  }

  /** The answer to one POST, whatever it is. @param patience milliseconds */
  async post(path: string, key: string | null, body?: unknown, patience = 8000): Promise<Response> {
    return this.#send('POST', path, key, body, patience);
  }

  #send(
    method: string,
    path: string,
    key: string | null,
    body: unknown,
    patience: number,
  ): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.idempotency && key !== null && { 'idempotency-key': key }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    });
  }

  /** Asks until it is accepted; `null` when an earlier try was, unheard, so that nothing is left to be done. */
  async #insist(path: string, key: string, body?: object, method = 'POST'): Promise<CopyJob | null> {
    let tries = 0;
    const answer = await this.#again(() => {
      tries += 1;
      return this.#send(method, path, key, body, 8000);
    });
    const text = await answer.text();
    if (answer.status === 409 && tries > 1 && !this.idempotency) return null;
    if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${text}`);
    const job = JSON.parse(text) as CopyJob;
    this.accepted.push({ jobId: job.id, name: job.destinations?.[0]?.name ?? key });
    return job;
  }

  async #again(call: () => Promise<Response>): Promise<Response> {
    const deadline = Date.now() + this.#patience;
    for (;;) {
      const answer = await call().catch((error: unknown) => String(error));
      if (answer instanceof Response && !(await isForLater(answer))) return answer;
      if (Date.now() > deadline)
        throw new Error(`no answer: ${answer instanceof Response ? answer.status : JSON.stringify(answer)}`);
      await nextTry(100);
    }
  }
}

/** The API can't answer just now, or is still at work on the same request. */
async function isForLater(answer: Response): Promise<boolean> {
  if (answer.status === 503) return true;
  return answer.status === 409 && (await answer.clone().text()).includes('idempotency');
}

function timeout(): AbortSignal {
  return AbortSignal.timeout(8000);
}
