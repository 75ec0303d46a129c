import type { CopyJob, Destination, Job, PermissionsJob } from '../../../src/domain/job.ts';
import type { Hold } from './proxy.ts';
import type { Commit, Sighting } from './sightings.ts';

export type Watcher = (sighting: Sighting) => Hold;

/** A copy in one of these states is there for good, or is to be. */
const HELD: ReadonlySet<Destination['state']> = new Set(['pending', 'available', 'succeeded']);

/** Everything that passes through the proxies, told to whoever watches; and the records as they were last written. */
export class Traffic {
  readonly #watchers = new Set<Watcher>();
  readonly #records = new Map<string, Job>();
  readonly #ids = new Map<string, string>();
  readonly #sent = new Map<string, string>();
  readonly #changes = new Map<string, string>();
  readonly #mentions = new Map<string, ReadonlySet<string>>();

  /** Adds a watcher and gives the function that removes it. A watcher may hold a message back. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  see(sighting: Sighting): Hold {
    const holds = [...this.#watchers].map((watcher) => watcher(sighting)).filter((one) => one !== undefined);
    if (sighting.link === 'redis' && sighting.phase === 'reply')
      for (const commit of sighting.commits) this.#keep(commit);
    if (sighting.link === 'redis' && sighting.phase === 'request')
      for (const { job } of sighting.commits)
        if (job?.kind === 'copy') this.#sent.set(this.nameOf(job), job.id);
    return holds.length === 0 ? undefined : Promise.all(holds).then(() => {});
  }

  /** The record of a job as last accepted by Redis. */
  record(jobId: string): Job | undefined {
    return this.#records.get(jobId);
  }

  /** The job whose copy an image is, and which is not to be removed; `undefined` where there is none. */
  holderOf(imageId: string): string | undefined {
    const holds = (job: Job) =>
      job.kind === 'copy' &&
      job.destinations.some((one) => one.imageId === imageId && one.stopping === null && HELD.has(one.state));
    return [...this.#records.values()].find(holds)?.id;
  }

  /** Every id that ever stood for the job whose copies bear that name: its own, its images', and those of their changes. */
  idsOf(name: string): ReadonlySet<string> {
    return this.#mentions.get(name) ?? new Set();
  }

  /** The record of the job whose copies bear that name. */
  named(name: string): CopyJob | undefined {
    const job = this.#records.get(this.#ids.get(name) ?? '');
    return job?.kind === 'copy' ? job : undefined;
  }

  /** The id of the job whose copies bear that name, from when its record was sent to Redis. */
  sentAs(name: string): string | undefined {
    return this.#sent.get(name);
  }

  /** The record of the last change of permissions of one of the copies that bear that name. */
  changeOf(name: string): PermissionsJob | undefined {
    const job = this.#records.get(this.#changes.get(name) ?? '');
    return job?.kind === 'permissions' ? job : undefined;
  }

  /** The name that a job of the harness goes by: all its copies bear it, and so does the copy whose permissions it changes. */
  nameOf(job: Job): string {
    if (job.kind === 'copy') return job.destinations[0]?.spec.name ?? '';
    const names = [...this.#mentions].filter(([, ids]) => ids.has(job.image.id)).map(([name]) => name);
    return names[0] ?? '';
  }

  #keep({ job, jobId }: Commit): void {
    if (job === undefined) {
      this.#records.delete(jobId);
      return;
    }
    // A write that is sent again, since its answer was lost, is answered as before; the record may be further on by then.
    if ((this.#records.get(jobId)?.version ?? 0) >= job.version) return;
    this.#records.set(jobId, job);
    const name = this.nameOf(job);
    const made = job.kind === 'copy' ? job.destinations.flatMap(({ imageId }) => imageId ?? []) : [];
    const images = job.kind === 'copy' && job.holds !== undefined ? [job.image.id, ...made] : made;
    (job.kind === 'copy' ? this.#ids : this.#changes).set(name, jobId);
    this.#mentions.set(name, new Set([...this.idsOf(name), jobId, ...images]));
  }
}
