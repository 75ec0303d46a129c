import { Type, type Static } from 'typebox';

const seconds = Type.Number({ minimum: 0, maximum: 10 * 365 * 86_400 });

/** Settings that can be changed while the simulator runs. Seconds and milliseconds are simulated (clock.ts). */
export const SettingsSchema = Type.Object(
  {
    /** How long a copy is pending, without a tag `simulator:seconds`. */
    copySeconds: seconds,
    /** Simulated seconds per real second. */
    speed: Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 }),
    /** EC2's token buckets per account, region and action. */
    throttle: Type.Boolean(),
    /** The most pending AMI copies into a region, per account. */
    copySlots: Type.Integer({ minimum: 0 }),
    /** The most pending snapshot copies into a region, per account; null: CopyImage has no such limit. EC2: unknown. */
    snapshotCopySlots: Type.Union([Type.Null(), Type.Integer({ minimum: 0 })]),
    /** Whether that limit refuses the call, or the copy is accepted and fails a second later. EC2 does both. */
    snapshotCopyLimit: Type.Union([Type.Literal('refuses'), Type.Literal('fails')]),
    /** The most pending time-based copies into a region, per account, in place of EC2's limit of throughput; null: no limit. */
    timeBasedCopySlots: Type.Union([Type.Null(), Type.Integer({ minimum: 0 })]),
    /** How long after CopyImage the new ids are NotFound. */
    consistencyDelayMs: Type.Number({ minimum: 0 }),
    /**
     * How long a deregistered image is still listed with that state. After that, for the same time, answers leave it out without
     * an error; then its id is NotFound.
     */
    deregisteredSeconds: seconds,
    /** The part of a copy's duration (0–1) after which its block devices name their snapshots. */
    snapshotIdAfter: Type.Number({ minimum: 0, maximum: 1 }),
    /** Whether a pending copy fails when its account loses the access to its source. EC2: unknown. */
    copiesNeedAccess: Type.Boolean(),
    /** How long a ClientToken is stored. EC2: unknown. */
    tokenMemorySeconds: seconds,
    /** Whether CopyImage refuses a name the account already uses in the region. EC2: unknown. */
    uniqueNames: Type.Boolean(),
    /** The default for accounts that have not set it. */
    blockPublicAccess: Type.Union([Type.Literal('block-new-sharing'), Type.Literal('unblocked')]),
    /** How long a change of block public access takes to have effect. EC2: up to 10 minutes. */
    blockPublicAccessDelaySeconds: seconds,
    /** Public images per account and region. */
    publicImages: Type.Integer({ minimum: 0 }),
    /** The most accounts, organizations and units that an image can be shared with. */
    sharees: Type.Integer({ minimum: 0 }),
    /** The longest session that AssumeRole gives, real seconds. */
    sessionSeconds: Type.Number({ minimum: 0, maximum: 3600 }),
    /** How often each event of an image's state is delivered to the queue. EC2 and EventBridge: best effort, at least once. */
    eventDelivery: Type.Union([Type.Literal('lost'), Type.Literal('once'), Type.Literal('twice')]),
  },
  { additionalProperties: false },
);

export type Settings = Static<typeof SettingsSchema>;

export const defaultSettings: Readonly<Settings> = {
  copySeconds: 8,
  speed: 1,
  throttle: false,
  copySlots: 300,
  snapshotCopySlots: null,
  snapshotCopyLimit: 'refuses',
  timeBasedCopySlots: null,
  consistencyDelayMs: 0,
  deregisteredSeconds: 0,
  snapshotIdAfter: 0.9,
  copiesNeedAccess: true,
  tokenMemorySeconds: 86_400,
  uniqueNames: false,
  blockPublicAccess: 'block-new-sharing',
  blockPublicAccessDelaySeconds: 0,
  publicImages: 5,
  sharees: 1000,
  sessionSeconds: 3600,
  eventDelivery: 'once',
};
