import { chunksOf } from '../domain/chunks.ts';
import { isTooNew } from '../store/records.ts';
import type { WorkerDeps } from './deps.ts';

type SweepDeps = Pick<WorkerDeps, 'store' | 'producer' | 'settings' | 'logger'>;

const PAGE = 100;

/** Deliveries that one call of the queue wakes. */
const DELIVERIES_WOKEN = 1000;

/** The most pages of jobs past their retention that one sweep drops. A sweep has to end; the next one continues. */
const DROPPED_PAGES = 20;

/**
 * Wakes the steps that the records show as due: it replaces a wake-up that was lost with its worker, with Redis' last second or
 * with the API. A step that is already queued is not queued twice. Then the sweep drops jobs past their retention.
 *
 * It reads only the jobs that their index shows as due: many thousands of copies may just wait for EC2.
 */
export async function sweep(deps: SweepDeps): Promise<void> {
  const { store, producer } = deps;
  await producer.promoteMisdelayed(store.now());
  await wakeAll(deps, await store.unfinished(store.now()));
  for (const wakeUps of chunksOf(await store.deliveries.due(store.now()), DELIVERIES_WOKEN))
    await producer.wake(wakeUps);
  await dropFinished(deps);
}

async function wakeAll({ store, producer }: SweepDeps, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += PAGE) {
    // All jobs of a page concurrently: one after the other, a sweep over many thousands would take longer than its interval.
    const jobs = await Promise.all(ids.slice(at, at + PAGE).map((id) => store.get(id).catch(toNewer)));
    for (const job of jobs) if (job !== null) await producer.wakeJob(job, store.now());
  }
}

/** Skips a record of a newer version, which the sweep of that version handles. */
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
