import { eventReader } from '../../console/event-stream.js';
import type { JobEvent } from '../../src/http/schemas/event.ts';
import type { CopyRequest } from '../../src/http/schemas/copy-request.ts';
import type { Image } from '../../src/http/schemas/image.ts';
import type { CopyJob, Job, JobPage } from '../../src/http/schemas/job.ts';
import type { PermissionInput, Permissions } from '../../src/http/schemas/permissions.ts';

/** The demo's HTTP client. */
export class DemoClient {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  /** POST /amis/{imageId}/copies */
  requestCopy(imageId: string, request: CopyRequest): Promise<CopyJob> {
    return this.#json<CopyJob>(`/amis/${imageId}/copies`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
  }

  /** GET /jobs/{id} */
  job(id: string): Promise<CopyJob> {
    return this.#json<CopyJob>(`/jobs/${id}`);
  }

  /**
   * GET /jobs/{id}/events: the events of a job, from the first one until the job has finished. After a lost connection the
   * stream resumes behind the last event received.
   */
  async *events(jobId: string, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let last = '';
    for (;;) {
      const headers = last === '' ? {} : { 'last-event-id': last };
      const answer = await fetch(`${this.#base}/jobs/${jobId}/events`, { headers, signal });
      if (answer.status === 204 || answer.body === null) return;
      if (!answer.ok) throw new Error(`GET /jobs/${jobId}/events answered ${answer.status}`);
      const read = eventReader();
      for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
        for (const { id, data } of read(text)) {
          last = id;
          yield data;
        }
      }
    }
  }

  /** GET /amis/{imageId} */
  image(imageId: string, region: string): Promise<Image> {
    return this.#json<Image>(`/amis/${imageId}?region=${region}`);
  }

  /** GET /amis/{imageId}, as an account sees it. @returns whether it does */
  async isSeenBy(account: string, imageId: string, region: string): Promise<boolean> {
    const path = `/amis/${imageId}?account=${account}&region=${region}`;
    const answer = await fetch(`${this.#base}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (answer.ok || answer.status === 404) return answer.ok;
    throw new Error(`GET ${path} answered ${answer.status}: ${await answer.text()}`);
  }

  /** The images that the newest copy job made. */
  async newestCopies(): Promise<{ imageId: string; region: string }[]> {
    const { jobs } = await this.#json<JobPage>('/jobs?kind=copy&limit=1');
    const destinations = jobs.flatMap((job) => job.destinations ?? []);
    return destinations.flatMap(({ imageId, region }) => (imageId === null ? [] : [{ imageId, region }]));
  }

  /** PUT /amis/{imageId}/permissions; returns when the change has been made. */
  share(imageId: string, region: string, permissions: PermissionInput): Promise<Job> {
    return this.#json<Job>(`/amis/${imageId}/permissions?region=${region}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', prefer: 'wait=9' },
      body: JSON.stringify(permissions),
    });
  }

  /** GET /amis/{imageId}/permissions */
  permissions(imageId: string, region: string): Promise<Permissions> {
    return this.#json<Permissions>(`/amis/${imageId}/permissions?region=${region}`);
  }

  /** @throws an error with the answer's problem details unless it was successful */
  async #json<Body>(path: string, init: RequestInit = {}): Promise<Body> {
    const answer = await fetch(`${this.#base}${path}`, { ...init, signal: AbortSignal.timeout(10_000) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${path} answered ${answer.status}: ${text}`);
    const body: Body = JSON.parse(text);
    return body;
  }
}
