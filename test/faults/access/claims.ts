import { needsHold } from '../../../src/domain/holds.ts';
import { sourceOf } from '../../../src/domain/hubs.ts';
import type { CopyJob, Destination, Job } from '../../../src/domain/job.ts';
import { destinationKey, findDestination } from '../../../src/domain/job.ts';
import type { PermissionSet } from '../../../src/domain/permissions.ts';
import { onlyWithdraws } from '../../../src/domain/permissions.ts';
import type { Commit } from '../wire/sightings.ts';
import type { Traffic } from '../wire/traffic.ts';

/** Every account (`all`), an account's id, or the ARN of an organization or a unit. */
export type Grantee = string;

export interface ImageName {
  region: string;
  imageId: string;
}

/** One accepted request about who may see an image, or one change that was made directly in EC2. */
interface Claim {
  /** Its place in the order of acceptance. */
  at: number;
  /** `null`: made directly in EC2. */
  jobId: string | null;
  /** Of a copy: its destination, whose image is the one that the record names. */
  destination: string | null;
  image: ImageName | null;
  gives: ReadonlySet<Grantee>;
  takes: (grantee: Grantee) => boolean;
  /** Gives access only until the copy into the account is made, and whatever withdrawals say meanwhile. */
  isHold?: true;
  /** It takes only: it also ends what earlier requests have still to give. */
  withdraws: boolean;
}

/** Who may see which image, by the requests that were accepted, in their order, and by what was done directly in EC2. */
export class Claims {
  readonly #traffic: Traffic;
  readonly #claims: Claim[] = [];
  readonly #known = new Set<string>();
  /** When a job, or a copy of it, ended without success. */
  readonly #failedAt = new Map<string, number>();
  /** When a copy into another account needed the access to its source no more. */
  readonly #releasedAt = new Map<string, number>();
  #clock = 0;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
  }

  /** The place in the order of acceptance that the next request gets. */
  get now(): number {
    return this.#clock;
  }

  /** To be told of each write that Redis took. */
  note({ jobId, job, before }: Commit): void {
    if (job === undefined || (before?.version ?? 0) >= job.version) return;
    this.#clock += 1;
    // A creation whose answer was lost with its connection is known by the next write.
    const isNew = !this.#known.has(jobId);
    this.#known.add(jobId);
    if (job.kind === 'copy') for (const one of job.destinations) this.#noteCopy(job, one, before, isNew);
    else {
      const isRetried = before?.finishedAt != null && job.finishedAt === null;
      if (isNew || isRetried) this.#claims.push(this.#change(job));
      this.#noteEnd(jobId, job.state);
    }
  }

  #noteCopy(job: Job, one: Destination, before: Job | undefined, isNew: boolean): void {
    if (job.kind !== 'copy') return;
    const key = destinationKey(one);
    const earlier = before?.kind === 'copy' ? findDestination(before, key) : undefined;
    const isRetried = earlier?.finishedAt != null && one.finishedAt === null && one.stopping === null;
    if (job.permissions !== null && (isNew || isRetried))
      this.#claims.push({
        at: this.#clock,
        jobId: job.id,
        destination: key,
        image: null,
        gives: granteesOf(job.permissions),
        takes: () => false,
        withdraws: false,
      });
    this.#noteHold(job, one, isNew || isRetried);
    this.#noteEnd(`${job.id} ${key}`, one.state);
  }

  #noteHold(job: CopyJob, one: Destination, begins: boolean): void {
    const { account } = one.spec;
    const destination = destinationKey(one);
    const name = `${job.id} ${destination}`;
    if (account === job.image.account) return;
    if (begins)
      this.#claims.push({
        at: this.#clock,
        jobId: job.id,
        destination,
        image: one.spec.hub === undefined ? { region: job.image.region, imageId: job.image.id } : null,
        gives: new Set([account]),
        takes: () => false,
        isHold: true,
        withdraws: false,
      });
    if (sourceOf(job, one) === null || needsHold(job, one)) this.#releasedAt.delete(name);
    else if (!this.#releasedAt.has(name)) this.#releasedAt.set(name, this.#clock);
  }

  #isHeld({ jobId, destination, isHold, at }: Claim, asOf: number): boolean {
    return (
      isHold === true && at <= asOf && (this.#releasedAt.get(`${jobId} ${destination}`) ?? Infinity) > asOf
    );
  }

  #change(job: Extract<Job, { kind: 'permissions' }>): Claim {
    const { change, image, id } = job;
    const gives = granteesOf(change.mode === 'set' ? change.set : change.add);
    const removed = change.mode === 'set' ? null : granteesOf(change.remove);
    return {
      at: this.#clock,
      jobId: id,
      destination: null,
      image: { region: image.region, imageId: image.id },
      gives: removed === null ? gives : gives.difference(removed),
      takes: (grantee) => (removed === null ? !gives.has(grantee) : removed.has(grantee)),
      withdraws: onlyWithdraws(change),
    };
  }

  #noteEnd(name: string, state: string): void {
    if (state !== 'failed' && state !== 'cancelled') this.#failedAt.delete(name);
    else if (!this.#failedAt.has(name)) this.#failedAt.set(name, this.#clock);
  }

  /** Notes a change that is made directly in EC2, just before it is made. */
  byHand(image: ImageName, change: { add?: Grantee; remove?: Grantee }): void {
    this.#clock += 1;
    this.#claims.push({
      at: this.#clock,
      jobId: null,
      destination: null,
      image,
      gives: new Set(change.add === undefined ? [] : [change.add]),
      takes: (grantee) => grantee === change.remove,
      withdraws: change.remove !== undefined,
    });
  }

  /** Whether a grantee may see the image, by what had been accepted at a place in the order. */
  allows(image: ImageName, grantee: Grantee, asOf = Infinity): boolean {
    let givers: Claim[] = [];
    for (const claim of this.#about(image)) {
      if (claim.gives.has(grantee) && this.#isHeld(claim, asOf)) return true;
      if (claim.at > asOf) break;
      if (claim.isHold === true) continue;
      if (claim.gives.has(grantee)) givers.push(claim);
      else if (claim.takes(grantee) && !this.#failed(claim, asOf))
        givers = claim.withdraws ? [] : givers.filter((one) => this.#isUnfinished(one));
    }
    return givers.some((one) => !this.#failed(one, asOf));
  }

  /** Whether taking a grantee away is anybody's wish: a request took it, or a job takes back what it gave itself. */
  mayLose(image: ImageName, grantee: Grantee): boolean {
    return this.#about(image).some(
      (claim) => claim.takes(grantee) || (claim.jobId !== null && claim.gives.has(grantee)),
    );
  }

  /** The jobs that were to give an image to a grantee. */
  giversOf(image: ImageName, grantee: Grantee): string[] {
    return this.#about(image).flatMap(({ jobId, gives }) =>
      jobId !== null && gives.has(grantee) ? [jobId] : [],
    );
  }

  #about({ region, imageId }: ImageName): Claim[] {
    return this.#claims.filter((claim) => {
      if (claim.image !== null) return claim.image.imageId === imageId && claim.image.region === region;
      const job = this.#traffic.record(claim.jobId ?? '');
      if (job?.kind !== 'copy' || claim.destination === null) return false;
      const one = findDestination(job, claim.destination);
      if (claim.isHold !== true) return one?.spec.region === region && one.imageId === imageId;
      const source = one === undefined ? null : sourceOf(job, one);
      return source?.region === region && source.imageId === imageId;
    });
  }

  #failed({ jobId, destination }: Claim, asOf: number): boolean {
    const name = destination === null ? (jobId ?? '') : `${jobId} ${destination}`;
    const at = this.#failedAt.get(name);
    return at !== undefined && at <= asOf;
  }

  #isUnfinished({ jobId }: Claim): boolean {
    return jobId !== null && this.#traffic.record(jobId)?.finishedAt === null;
  }
}

function granteesOf(set: PermissionSet): ReadonlySet<Grantee> {
  const everybody = set.public ? ['all'] : [];
  return new Set([...everybody, ...set.accounts, ...set.organizations, ...set.organizationalUnits]);
}
