import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import type { CopyJob, Destination, JobState, PermissionsJob } from '../../src/domain/job.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { until } from '../helpers/waiting.ts';
import type { Claims, Grantee, ImageName } from './access/claims.ts';
import type { Bounds } from './bounds.ts';
import type { Client } from './client.ts';
import { ENCRYPTED_SOURCE } from './client.ts';
import type { Ec2 } from './ec2.ts';
import type { Moment, Subject } from './moments.ts';
import type { Random } from './random.ts';
import type { Recovery } from './recovery.ts';
import type { Stack } from './stack/stack.ts';
import { Trap } from './trap.ts';

/** Where copies go; the source lives elsewhere. */
export const REGIONS = [
  'eu-west-1',
  'eu-central-1',
  'us-west-2',
  'ap-south-1',
  'sa-east-1',
  'ca-central-1',
  'eu-north-1',
  'ap-northeast-1',
] as const;

export interface StageOptions {
  stack: Stack;
  client: Client;
  ec2: Ec2;
  claims: Claims;
  random: Random;
  recovery: Recovery;
  bounds: Bounds;
  /** Names the round, and so its jobs. */
  label: string;
  /** Hears of whatever is not as it has to be. */
  complain(what: string): void;
}

interface Ask {
  name?: string;
  regions?: readonly string[];
  /** Other accounts, each of which gets a copy of {@link ENCRYPTED_SOURCE} in each region. */
  accounts?: readonly string[];
  /** Those are copied from a copy in their region. */
  via?: 'region';
  /** How long EC2 copies, seconds. */
  seconds?: number;
  onFailure?: 'keep' | 'deregister';
  kmsKeyId?: string;
  permissions?: PermissionInput;
  /** How the job has to end. */
  ends?: readonly JobState[];
}

/** One round's jobs and traps, and what has to become of the jobs. */
export class Stage {
  readonly stack: Stack;
  readonly client: Client;
  readonly ec2: Ec2;
  readonly random: Random;
  readonly bounds: Bounds;
  readonly complain: (what: string) => void;
  /** The job that the round is about. */
  readonly subject: Subject;
  /** Regions that only the subject uses in this round. */
  readonly own: readonly string[];
  /** By job id. */
  readonly expected = new Map<string, readonly JobState[]>();
  readonly #others: readonly string[];
  readonly #label: string;
  readonly #recovery: Recovery;
  readonly #claims: Claims;
  readonly #cleanUps: (() => unknown)[] = [];
  #asked = 0;
  #traps: Trap[] = [];

  constructor({ stack, client, ec2, claims, random, recovery, bounds, label, complain }: StageOptions) {
    this.stack = stack;
    this.client = client;
    this.ec2 = ec2;
    this.random = random;
    this.bounds = bounds;
    this.complain = complain;
    this.subject = { traffic: stack.traffic, name: `${label}-subject` };
    const regions = random.shuffled(REGIONS);
    this.own = regions.slice(0, 3);
    this.#others = regions.slice(3);
    this.#label = label;
    this.#recovery = recovery;
    this.#claims = claims;
  }

  /** Asks for the job that the round is about: one copy, unless told otherwise. */
  askSubject(ask: Omit<Ask, 'name'> = {}): Promise<Job> {
    return this.ask({ regions: this.own.slice(0, 1), ...ask, name: this.subject.name });
  }

  /** A few jobs of no special interest, which must not be disturbed. */
  async askOthers(count = this.random.integer(1, 2)): Promise<void> {
    const asks = Array.from({ length: count }, () => this.ask({}));
    await Promise.all(asks);
  }

  async ask(ask: Ask): Promise<Job> {
    this.#asked += 1;
    const regions = ask.regions ?? this.random.some(this.#others, this.random.integer(1, 3));
    const request = {
      name: ask.name ?? `${this.#label}-${this.#asked}`,
      tags: { release: 'tonight', 'simulator:seconds': String(ask.seconds ?? 0.3) },
      destinations: regions.flatMap((region) =>
        ask.accounts === undefined
          ? [{ region }]
          : ask.accounts.map((account) => ({ account, region, kmsKeyId: 'alias/ami' })),
      ),
      onFailure: ask.onFailure ?? 'keep',
      ...(ask.kmsKeyId !== undefined && { kmsKeyId: ask.kmsKeyId }),
      ...(ask.via !== undefined && { via: ask.via, hubCopies: 'remove' as const }),
      ...(ask.permissions !== undefined && { permissions: ask.permissions }),
    };
    const isAbroad = ask.accounts !== undefined;
    const job = await this.client.copy(request, isAbroad ? ENCRYPTED_SOURCE.imageId : undefined);
    this.expected.set(job.id, ask.ends ?? ['succeeded']);
    return job;
  }

  /** Asks for a change of the subject's permissions. @returns the job's id */
  async change(
    method: 'PATCH' | 'PUT' | 'DELETE',
    body?: object,
    ends: readonly JobState[] = ['succeeded'],
  ): Promise<string> {
    const { region, imageId } = this.image;
    const id = await this.client.change(method, region, imageId, body);
    this.expected.set(id, ends);
    return id;
  }

  /** The subject's first copy, as its record has it. */
  get image(): ImageName {
    const [copy] = this.stack.traffic.named(this.subject.name)?.destinations ?? [];
    return { region: copy?.spec.region ?? '', imageId: copy?.imageId ?? '' };
  }

  /** Gives or takes the subject's first copy directly in EC2, as an administrator does at the console. */
  async byHand(change: { add?: Grantee; remove?: Grantee }): Promise<void> {
    const { image } = this;
    this.#claims.byHand(image, change);
    await this.ec2.modifyLaunch(image.region, image.imageId, {
      ...(change.add !== undefined && { add: permissionOf(change.add) }),
      ...(change.remove !== undefined && { remove: permissionOf(change.remove) }),
    });
  }

  /** Kills the process that is at this moment, and again when the next one gets there. */
  killAt(moment: Moment, times: number): Trap {
    return this.#trap(moment, times, (name) => {
      const { process } = this.stack.part(name);
      process.kill();
      if (name.startsWith('worker')) this.#recovery.began(this.subject, process);
      return 'gone';
    });
  }

  /** Stops the process that is at this moment (SIGSTOP); it goes on, with what was seen, once `over` resolves. */
  pauseAt(moment: Moment, over: Promise<void>): Trap {
    return this.#trap(moment, 1, (name) => {
      const { process } = this.stack.part(name);
      process.pause();
      this.cleanUp(() => process.resume());
      return over.then(() => process.resume());
    });
  }

  /** Holds up the process that is at this moment while `meanwhile` happens. */
  holdAt(moment: Moment, meanwhile: (process: string) => Promise<void>): Trap {
    return this.#trap(moment, 1, meanwhile);
  }

  #trap(moment: Moment, times: number, spring: (process: string) => Promise<void> | 'gone'): Trap {
    const trap = new Trap(this.stack.traffic, (one) => moment(one, this.subject), times, spring);
    this.#traps.push(trap);
    this.cleanUp(() => trap.remove());
    return trap;
  }

  /** Waits until the subject's destinations are as they should be, by its record. */
  async untilSubject(holds: (destinations: readonly Destination[], job: CopyJob) => boolean): Promise<void> {
    const { traffic, name } = this.subject;
    await until(() => {
      const job = traffic.named(name);
      return job !== undefined && holds(job.destinations, job);
    }, this.bounds.moment);
  }

  /** Waits until the destinations of any other job are as they should be. */
  async untilRecord(jobId: string, holds: (destinations: readonly Destination[]) => boolean): Promise<void> {
    await until(() => {
      const job = this.stack.traffic.record(jobId);
      return job?.kind === 'copy' && holds(job.destinations);
    }, this.bounds.moment);
  }

  /** Waits until a change of permissions is as it should be. */
  async untilChange(jobId: string, holds: (job: PermissionsJob) => boolean): Promise<void> {
    await until(() => {
      const job = this.stack.traffic.record(jobId);
      return job?.kind === 'permissions' && holds(job);
    }, this.bounds.moment);
  }

  /** Waits until all that was asked for so far has ended. */
  async untilAllEnded(): Promise<void> {
    const { traffic } = this.stack;
    const ended = (id: string) => typeof traffic.record(id)?.finishedAt === 'number';
    await until(() => [...this.expected.keys()].every(ended), this.bounds.moment);
  }

  /** How often traps were sprung. */
  get hits(): number {
    return this.#traps.reduce((sum, { hits }) => sum + hits, 0);
  }

  async sprung(trap: Trap, times: number): Promise<void> {
    await trap.sprung(times, this.bounds.moment);
  }

  /** To be done at the end of the round, however it ends. */
  cleanUp(undo: () => unknown): void {
    this.#cleanUps.push(undo);
  }

  async end(): Promise<void> {
    for (const undo of this.#cleanUps.splice(0).toReversed()) await undo();
  }
}

function permissionOf(grantee: Grantee) {
  return grantee === 'all' ? { Group: 'all' as const } : { UserId: grantee };
}
