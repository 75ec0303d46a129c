import type { CopyJob } from '../../../src/domain/job.ts';
import type { Hold } from './proxy.ts';
import type { Commit, Sighting } from './sightings.ts';

export type Watcher = (sighting: Sighting) => Hold;

/** Everything that passes through the proxies, told to whoever watches; and the records as they were last written. */
export class Traffic {
  readonly #watchers = new Set<Watcher>();
  readonly #records = new Map<string, CopyJob>();
  readonly #ids = new Map<string, string>();
  readonly #mentions = new Map<string, ReadonlySet<string>>();

  /** Adds a watcher and gives the function that removes it. A watcher may hold a message back. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  see(sighting: Sighting): Hold {
    const holds = [...this.#watchers].map((watcher) => watcher(sighting)).filter((one) => one !== undefined);
    if (sighting.link === 'redis' && sighting.phase === 'reply' && sighting.answer === 'ok')
      this.#keep(sighting.commit);
    return holds.length === 0 ? undefined : Promise.all(holds).then(() => {});
  }

  /** The record of a job as last accepted by Redis. */
  record(jobId: string): CopyJob | undefined {
    return this.#records.get(jobId);
  }

  /** Every id that ever stood for the job whose copies bear that name: its own and those of its images. */
  idsOf(name: string): ReadonlySet<string> {
    return this.#mentions.get(name) ?? new Set();
  }

  /** The record of the job whose copies bear that name. */
  named(name: string): CopyJob | undefined {
    return this.#records.get(this.#ids.get(name) ?? '');
  }

  #keep(commit: Commit | undefined): void {
    if (commit === undefined) return;
    if (commit.job === undefined) this.#records.delete(commit.jobId);
    else {
      this.#records.set(commit.jobId, commit.job);
      const name = nameOf(commit.job);
      const images = commit.job.destinations.flatMap(({ imageId }) => imageId ?? []);
      this.#ids.set(name, commit.jobId);
      this.#mentions.set(name, new Set([...this.idsOf(name), commit.jobId, ...images]));
    }
  }
}

/** All copies of a job of the harness bear one name, which names the job. */
export function nameOf(job: CopyJob): string {
  return job.destinations[0]?.spec.name ?? '';
}
