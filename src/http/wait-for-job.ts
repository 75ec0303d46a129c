import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../domain/job.ts';
import type { JobFeed } from '../store/feed.ts';
import type { JobStore } from '../store/store.ts';

/** The interval at which the record is read besides the feed's events, which may be lost with a connection. */
const RECHECK_MS = 2000;

export interface WaitDeps {
  feed: Pick<JobFeed, 'listen'>;
  store: Pick<JobStore, 'get'>;
}

/**
 * Waits until a job has finished or `signal` aborts. Returns the latest record, finished or not. It never rejects: while
 * Redis is unavailable the last record read is still valid.
 */
export async function waitForJob({ feed, store }: WaitDeps, job: Job, signal: AbortSignal): Promise<Job> {
  let latest = job;
  let pause = new AbortController();
  const endPause = () => pause.abort();
  const unlisten = feed.listen((event) => {
    if (event.jobId === job.id && event.type.startsWith('job.')) endPause();
  });
  signal.addEventListener('abort', endPause);
  try {
    while (latest.finishedAt === null && !signal.aborted) {
      // Listening starts before reading, so that no event is missed between the two.
      pause = new AbortController();
      latest = (await store.get(job.id).catch(() => null)) ?? latest;
      if (latest.finishedAt === null && !signal.aborted) await recheckIn(pause.signal);
    }
    return latest;
  } finally {
    signal.removeEventListener('abort', endPause);
    unlisten();
  }
}

/** Ends after the interval, or as soon as `signal` aborts. */
async function recheckIn(signal: AbortSignal): Promise<void> {
  await sleep(RECHECK_MS, undefined, { signal }).catch(() => undefined);
}
