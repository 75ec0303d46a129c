import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../domain/job.ts';
import type { JobFeed } from '../store/feed.ts';
import type { JobStore } from '../store/store.ts';

/** The feed tells at once; this often the record is read all the same, for news that were lost with a connection. */
const RECHECK_MS = 2000;

export interface WaitDeps {
  feed: Pick<JobFeed, 'listen'>;
  store: Pick<JobStore, 'get'>;
}

/**
 * Waits until a job has finished, but not past `signal`. Gives the latest record there is, finished or not. It never
 * rejects: what is known already stays true while Redis is away.
 */
export async function waitForJob({ feed, store }: WaitDeps, job: Job, signal: AbortSignal): Promise<Job> {
  let latest = job;
  let news = new AbortController();
  const unlisten = feed.listen((event) => {
    if (event.jobId === job.id && event.type.startsWith('job.')) news.abort();
  });
  try {
    while (latest.finishedAt === null && !signal.aborted) {
      // Listening comes before reading, and so nothing falls between the two.
      news = new AbortController();
      latest = (await store.get(job.id).catch(() => null)) ?? latest;
      if (latest.finishedAt === null) await pause(AbortSignal.any([signal, news.signal]));
    }
    return latest;
  } finally {
    unlisten();
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(RECHECK_MS, undefined, { signal }).catch(() => undefined);
}
