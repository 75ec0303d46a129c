import * as domain from '../domain/ami.ts';
import type { Delivery as DeliveryRecord } from '../domain/delivery.ts';
import { webhookId } from '../domain/webhooks.ts';
import type * as record from '../domain/job.ts';
import { countedAttempts, jobProgress, jobState } from '../domain/job.ts';
import { sourceOf } from '../domain/hubs.ts';
import { secondsLeft } from '../domain/progress.ts';
import type * as audit from '../store/audit-log.ts';
import type * as store from '../store/store.ts';
import type { Workers } from '../store/workers.ts';
import type { AuditPage } from './schemas/audit.ts';
import type { Image } from './schemas/image.ts';
import type { Delivery, Destination, Job, JobPage } from './schemas/job.ts';

/** What is shown of a job but is not in its record. */
export interface Moment {
  /** Epoch milliseconds by the shared clock. */
  now: number;
  isWorkerRunning: boolean;
  /** The webhook deliveries of each job. */
  deliveries: ReadonlyMap<string, readonly DeliveryRecord[]>;
}

/** Reads what is shown of these jobs beside their records. Whether a worker runs is read only if a job waits for one. */
export async function momentFor(
  {
    store,
    workers,
  }: { store: Pick<store.JobStore, 'now' | 'deliveries'>; workers: Pick<Workers, 'isAnyRunning'> },
  jobs: readonly record.Job[],
): Promise<Moment> {
  const isOver = jobs.every(({ finishedAt }) => finishedAt !== null);
  const notifying = jobs.filter(({ deliveriesMade }) => deliveriesMade > 0).map(({ id }) => id);
  const [isWorkerRunning, deliveries] = await Promise.all([
    isOver || workers.isAnyRunning(),
    store.deliveries.ofJobs(notifying),
  ]);
  return { now: store.now(), isWorkerRunning, deliveries };
}

/** Turns a record into the job that callers see: times in ISO 8601; state, progress and remaining time are calculated. */
export function presentJob(job: record.Job, { now, isWorkerRunning, deliveries }: Moment): Job {
  return {
    id: job.id,
    kind: job.kind,
    state: jobState(job),
    image: job.image,
    progress: jobProgress(job),
    ...(job.kind === 'copy' ? presentCopy(job, now) : presentChange(job)),
    warnings: isWorkerRunning || job.finishedAt !== null ? job.warnings : [...job.warnings, noWorker(job)],
    deliveries: (deliveries.get(job.id) ?? []).map((one) => presentDelivery(job.id, one)),
    requestedBy: job.requestedBy,
    createdAt: iso(job.createdAt),
    updatedAt: iso(job.updatedAt),
    finishedAt: isoOrNull(job.finishedAt),
  };
}

/** This warning is never stored: it is shown only while no worker runs. */
function noWorker({ image: { account, region } }: record.Job): record.Warning {
  const message =
    'no worker is running, so this job makes no progress; it is saved, and continues as soon as a worker is started';
  return { code: 'no-worker', message, account, region };
}

function presentCopy(job: record.CopyJob, now: number) {
  const { destinations, permissions } = job;
  return { destinations: destinations.map((one) => presentDestination(job, one, now)), permissions };
}

function presentChange({ change, before, after, error }: record.PermissionsJob) {
  const asked = change.mode === 'set' ? change.set : { add: change.add, remove: change.remove };
  return { permissions: asked, before, after, error };
}

function presentDelivery(jobId: string, one: DeliveryRecord): Delivery {
  const { n, event, url, state, attempts, nextAt } = one;
  return {
    n,
    webhookId: webhookId(jobId, one),
    event,
    host: new URL(url).host,
    state,
    attempts: attempts.map(({ at, ...rest }) => ({ at: iso(at), ...rest })),
    nextAttemptAt: isoOrNull(nextAt),
  };
}

function presentDestination(job: record.CopyJob, one: record.Destination, now: number): Destination {
  return {
    account: one.spec.account,
    region: one.spec.region,
    source: sourceOf(job, one),
    name: one.spec.name,
    state: one.state,
    stopping: one.stopping,
    imageId: one.imageId,
    imageState: one.imageState,
    progress: one.progress,
    etaSeconds: secondsLeft(one, now),
    encrypted: one.encrypted,
    kmsKeyId: one.kmsKeyId,
    attempts: countedAttempts(one),
    error: one.error,
    startedAt: isoOrNull(one.startedAt),
    availableAt: isoOrNull(one.availableAt),
    finishedAt: isoOrNull(one.finishedAt),
  };
}

export function presentJobPage({ jobs, nextCursor }: store.JobPage, moment: Moment): JobPage {
  return { jobs: jobs.map((job) => presentJob(job, moment)), nextCursor };
}

export function presentImage(image: domain.Image): Image {
  return { ...image, encrypted: domain.isEncrypted(image) };
}

export function presentAuditPage({ entries, nextCursor }: audit.AuditPage): AuditPage {
  const presented = entries.map(({ reasons, awsRequestIds, ...entry }) => ({
    ...entry,
    at: iso(entry.at),
    reasons: [...reasons],
    awsRequestIds: [...awsRequestIds],
  }));
  return { entries: presented, nextCursor };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : iso(time);
}
