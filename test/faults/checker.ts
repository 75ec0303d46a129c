import type { Image, Snapshot } from '@aws-sdk/client-ec2';
import { ATTEMPT_TAG, JOB_TAG } from '../../src/domain/copy-tags.ts';
import type { Scope } from '../../src/domain/ami.ts';
import type { JobState } from '../../src/domain/job.ts';
import type { Destination, Job } from '../../src/http/schemas/job.ts';
import type { CopyImageCall } from '../../simulator/index.ts';
import type { Accepted } from './client.ts';
import { tagOf } from './ec2.ts';

/** Everything there is to compare, all of it read after things have come to rest. */
export interface Evidence {
  /** Every 202 ever answered. */
  accepted: readonly Accepted[];
  /** Whether a repeated POST is the same request (Idempotency-Key). */
  idempotent: boolean;
  /** Names of requests that were to make a job at each POST. */
  keyless: ReadonlySet<string>;
  /** By id, as GET /jobs tells. */
  jobs: ReadonlyMap<string, Job>;
  /** How those of this round have to end. */
  expected: ReadonlyMap<string, readonly JobState[]>;
  /** Every CopyImage call. */
  copyImage: readonly CopyImageCall[];
  /** Images that were deregistered directly in EC2. */
  removedByHand: ReadonlySet<string>;
  scopes: readonly (Scope & { images: readonly Image[]; snapshots: readonly Snapshot[] })[];
}

export const KINDS = ['exposed', 'lost', 'duplicated', 'stuck', 'left over', 'wrong', 'holds left'] as const;
export type Kind = (typeof KINDS)[number];

/** Something that must not be. */
export interface Finding {
  kind: Kind;
  what: string;
}

/** Compares the callers' 202s, the store, and EC2's own books. */
export function check(evidence: Evidence): Finding[] {
  return [
    ...checkAccepted(evidence),
    ...checkEnds(evidence),
    ...checkOneJob(evidence),
    ...checkOneImage(evidence),
    ...checkCopies(evidence),
    ...checkOwners(evidence),
  ];
}

/** A 202 means that the job is in Redis and ends. */
function checkAccepted({ accepted, jobs }: Evidence): Finding[] {
  return accepted.flatMap(({ jobId, name }): Finding[] => {
    const job = jobs.get(jobId);
    if (job === undefined)
      return [{ kind: 'lost', what: `${name}: job ${jobId} was accepted and is not there` }];
    return job.finishedAt === null ? [{ kind: 'stuck', what: `${name}: ${brief(job)}` }] : [];
  });
}

function checkEnds({ expected, jobs, scopes }: Evidence): Finding[] {
  const images = new Set(scopes.flatMap((one) => one.images.map(({ ImageId }) => ImageId)));
  // A change of permissions fails where its image has been removed meanwhile, by a rollback for example.
  const isGone = ({ error, image }: Job) => error?.code === 'image-not-found' && !images.has(image.id);
  return [...expected].flatMap(([id, states]): Finding[] => {
    const job = jobs.get(id);
    if (job === undefined || job.finishedAt === null || states.includes(job.state)) return [];
    if (job.kind === 'permissions' && isGone(job)) return [];
    return [{ kind: 'wrong', what: `not ${states.join(' or ')}: ${brief(job)}` }];
  });
}

/** A POST that was repeated until it was answered made one job: the name that its copies bear is the request's own. */
function checkOneJob({ idempotent, keyless, jobs }: Evidence): Finding[] {
  if (!idempotent) return [];
  const byName = Map.groupBy(jobs.values(), (job) => job.destinations?.[0]?.name ?? job.id);
  return [...byName].flatMap(([name, same]): Finding[] =>
    same.length > 1 && !keyless.has(name)
      ? [{ kind: 'duplicated', what: `${name}: jobs ${same.map(({ id }) => id).join(', ')}` }]
      : [],
  );
}

/** One AMI per job, destination and attempt, told by the tags of the calls: the tokens might be what is wrong. */
function checkOneImage({ copyImage }: Evidence): Finding[] {
  const made = Map.groupBy(
    copyImage.filter(({ imageId }) => imageId !== null),
    ({ account, region, parameters }) =>
      `${tagIn(parameters, JOB_TAG)} in ${account}/${region}, attempt ${tagIn(parameters, ATTEMPT_TAG)}`,
  );
  return [...made].flatMap(([copy, calls]): Finding[] => {
    const ids = new Set(calls.map(({ imageId }) => imageId));
    return ids.size > 1 ? [{ kind: 'duplicated', what: `${copy}: ${[...ids].join(', ')}` }] : [];
  });
}

function tagIn(parameters: Readonly<Record<string, string>>, key: string): string {
  const name = Object.keys(parameters).find((one) => one.endsWith('.Key') && parameters[one] === key);
  return parameters[name?.replace(/Key$/, 'Value') ?? ''] ?? '?';
}

/** What the store calls copied is there, whole; what it calls cancelled is gone. */
function checkCopies({ jobs, scopes, removedByHand }: Evidence): Finding[] {
  const images = new Map(scopes.flatMap((one) => one.images.map((image) => [image.ImageId, image])));
  const snapshots = new Set(scopes.flatMap((one) => one.snapshots.map(({ SnapshotId }) => SnapshotId)));
  return [...jobs.values()].flatMap((job) =>
    (job.destinations ?? []).flatMap((one): Finding[] => {
      const image = one.imageId === null ? undefined : images.get(one.imageId);
      const whole =
        image?.State === 'available' &&
        (image.BlockDeviceMappings ?? []).every(({ Ebs }) => snapshots.has(Ebs?.SnapshotId));
      if (removedByHand.has(one.imageId ?? '')) return [];
      // A hub that is not needed any more (hubCopies) is removed.
      if (one.state === 'succeeded' && one.imageState === 'deregistered') return [];
      if (one.state === 'succeeded' && !whole)
        return [
          { kind: 'lost', what: `${one.imageId} in ${one.region} is not there, or not whole: ${brief(job)}` },
        ];
      if (one.state === 'succeeded' && tagOf(image ?? {}, 'release') !== 'tonight')
        return [{ kind: 'wrong', what: `${one.imageId} in ${one.region} lacks its tags: ${brief(job)}` }];
      return [];
    }),
  );
}

/** Whatever is in EC2 belongs to a copy that was made or, where it failed, is kept for whoever looks into it. */
function checkOwners({ jobs, scopes }: Evidence): Finding[] {
  return scopes.flatMap(({ account, region, images, snapshots }) => {
    const isHere = (one: Destination) => one.account === account && one.region === region;
    const owns = (resource: Image | Snapshot, which: (one: Destination) => boolean) => {
      const job = jobs.get(tagOf(resource, JOB_TAG) ?? '');
      return job?.destinations?.some((one) => isHere(one) && KEPT.has(one.state) && which(one)) === true;
    };
    const attempt = (resource: Image | Snapshot) => Number(tagOf(resource, ATTEMPT_TAG));
    // What isn't over yet is stuck, which is told already.
    const over = (resource: Image | Snapshot) =>
      jobs.get(tagOf(resource, JOB_TAG) ?? '')?.finishedAt !== null;
    const strayImages = images
      .filter(over)
      .filter((image) => !owns(image, ({ imageId }) => imageId === image.ImageId));
    const straySnapshots = snapshots
      .filter(over)
      .filter((one) => !owns(one, ({ attempts }) => attempts === attempt(one)));
    return [
      ...strayImages.map(({ ImageId, State }) => `${ImageId} (${State}) in ${region} belongs to no copy`),
      ...straySnapshots.map(
        ({ SnapshotId, State }) => `${SnapshotId} (${State}) in ${region} belongs to no copy`,
      ),
    ].map((what) => ({ kind: 'left over' as const, what }));
  });
}

const KEPT: ReadonlySet<string> = new Set(['succeeded', 'failed']);

export function brief(job: Job): string {
  const destinations = (job.destinations ?? []).map(
    (one) =>
      `${one.region} ${one.state}${one.stopping === null ? '' : ` (stopping: ${one.stopping})`} ${one.imageId ?? '-'} attempt ${one.attempts}${one.error === null ? '' : ` ${one.error.code}: ${one.error.message}`}`,
  );
  return `job ${job.id} is ${job.state}: ${destinations.join('; ')}`;
}
