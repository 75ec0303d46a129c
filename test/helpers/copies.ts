import { keyIn, OWN } from './account.ts';
import type { CopyJob, Destination } from '../../src/domain/job.ts';
import { findDestination, leftoversOf } from '../../src/domain/job.ts';
import type { WorkerDeps } from '../../src/worker/deps.ts';
import type { Service } from './service.ts';

export const EU = 'eu-west-1';
export const US = 'us-west-2';
export const eu = { account: OWN, region: EU };

/** The record of a job, with one of its destinations. */
export async function copyOf(
  { store }: Service,
  id: string,
  region = EU,
): Promise<{ job: CopyJob; destination: Destination }> {
  const job = await store.get(id);
  const destination = job?.kind === 'copy' ? findDestination(job, keyIn(region)) : undefined;
  if (job?.kind !== 'copy' || destination === undefined) throw new Error(`no copy ${id} into ${region}`);
  return { job, destination };
}

/** Simulates a worker that was paused right after it had read a record, and continues with that record. */
export function pausedAfterReading(deps: WorkerDeps, job: CopyJob): WorkerDeps {
  let reads = 0;
  const store = new Proxy(deps.store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'get' && reads++ === 0) return async () => job;
      return value.bind(target);
    },
  });
  return { ...deps, store };
}

/** Ids of all images of this account, and of its snapshots with any job's tag. */
export async function thereIn(
  { gateway }: Service,
  region = EU,
): Promise<{ images: string[]; snapshots: string[] }> {
  const scope = { account: OWN, region };
  const images = (await gateway.findImages(scope, {})).filter(({ state }) => state !== 'deregistered');
  const copies = images.flatMap(({ snapshots }) => snapshots.map(({ snapshotId }) => snapshotId));
  const ids = copies.filter((id) => id !== null);
  const snapshots = await gateway.describeSnapshots(scope, ids);
  return {
    images: images.map(({ imageId }) => imageId),
    snapshots: snapshots.map(({ snapshotId }) => snapshotId),
  };
}

/** Ids of the snapshots of this account with a job's tag. */
export async function taggedSnapshots({ gateway }: Service, id: string, region = EU): Promise<string[]> {
  const found = await gateway.findSnapshots({ account: OWN, region }, 'amiferry:job', [id]);
  return found.map(({ snapshotId }) => snapshotId);
}

/** Runs until all leftovers of a job are removed. */
export async function untilClean(service: Service, id: string): Promise<CopyJob> {
  return service.untilJob(id, ({ destinations }) =>
    destinations.every((one) => leftoversOf(one).length === 0 && one.stopping === null),
  );
}
