import { isTooNew } from '../store/records.ts';
import type { WorkerDeps } from './deps.ts';

type SweepDeps = Pick<WorkerDeps, 'store' | 'producer' | 'settings' | 'logger'>;

const PAGE = 100;

/** At most so many pages of jobs past their retention in one sweep: it has to end, and the next one goes on. */
const DROPPED_PAGES = 20;

/**
 * Wakes whatever the records say is unfinished: a wake-up that was lost with its worker, with Redis' last second or
 * with the API is replaced here. What is queued already is not queued twice. Then it drops jobs past their retention.
 *
 * It reads only what is due by its index: copies that just wait for EC2 may be many thousands.
 */
export async function sweep(deps: SweepDeps): Promise<void> {
  const { store, producer } = deps;
  await producer.promoteMisdelayed(store.now());
  await wakeAll(deps, await store.unfinished(store.now()));
  await dropFinished(deps);
}

async function wakeAll({ store, producer }: SweepDeps, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += PAGE) {
    // All of a page at once: one after the other, a sweep over many thousands would outlast its interval.
    const jobs = await Promise.all(ids.slice(at, at + PAGE).map((id) => store.get(id).catch(toNewer)));
    for (const job of jobs) if (job !== null) await producer.wakeJob(job, store.now());
  }
}

/** A record of a newer version is left to the sweep of that version. */
function toNewer(error: unknown): null {
  if (isTooNew(error)) return null;
  throw error;
}

async function dropFinished({ store, settings, logger }: SweepDeps): Promise<void> {
  let deleted = 0;
  for (let page = 0; page < DROPPED_PAGES; page += 1) {
    const dropped = await store.deleteFinishedBefore(store.now() - settings.retentionMs, PAGE);
    deleted += dropped;
    if (dropped < PAGE) break;
  }
  if (deleted > 0) logger.info({ deleted }, 'dropped jobs past their retention');
}
