import type { WorkerDeps } from './deps.ts';

const PAGE = 100;

/**
 * Wakes whatever the records say is unfinished: a wake-up that was lost with its worker, with Redis' last second or
 * with the API is made good here. What is queued already is not queued twice. Then it drops jobs past their retention.
 */
export async function sweep(deps: WorkerDeps): Promise<void> {
  const { store, producer, settings } = deps;
  await producer.takeUpStray(store.now());
  for (let offset = 0; ; offset += PAGE) {
    const ids = await store.unfinished(PAGE, offset);
    for (const id of ids) {
      const job = await store.get(id);
      if (job !== null) await producer.wakeJob(job, store.now());
    }
    if (ids.length < PAGE) break;
  }
  const deleted = await store.deleteFinishedBefore(store.now() - settings.retentionMs, PAGE);
  if (deleted > 0) deps.logger.info({ deleted }, 'dropped jobs past their retention');
}
