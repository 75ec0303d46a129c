import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The one queue of worker steps. A queue job is a wake-up: it names what to read, and the record says what to do. */
export const STEPS_QUEUE = 'steps';

/** Webhooks have a queue of their own, so that receivers that hang do not delay copies. */
export const WEBHOOKS_QUEUE = 'webhooks';

/**
 * Raised when the meaning of a payload changes; a worker puts back payloads of a newer version. 2: steps of a destination name
 * their attempt.
 */
export const PAYLOAD_VERSION = 2;

/** The version of payloads that have not changed since, so that an older worker still accepts them. */
const FIRST_VERSION = 1;

const version = Type.Integer({ minimum: 1 });

/**
 * `attempt`: the attempt that the step is about. An older worker names none: then the step does nothing, and the sweep wakes it
 * again.
 */
export const DestinationPayload = Type.Object({
  v: version,
  jobId: Type.String({ minLength: 1 }),
  destination: Type.String({ minLength: 1 }),
  attempt: Type.Optional(version),
});
export type DestinationPayload = Static<typeof DestinationPayload>;

export const LeftoverPayload = Type.Object({
  v: version,
  jobId: Type.String({ minLength: 1 }),
  destination: Type.String({ minLength: 1 }),
  attempt: version,
  imageId: Type.String({ minLength: 1 }),
});
export type LeftoverPayload = Static<typeof LeftoverPayload>;

/** What is due for one image that the job copies. */
export const HoldPayload = Type.Object({
  v: version,
  jobId: Type.String({ minLength: 1 }),
  imageId: Type.String({ minLength: 1 }),
});
export type HoldPayload = Static<typeof HoldPayload>;

export const JobPayload = Type.Object({ v: version, jobId: Type.String({ minLength: 1 }) });
export type JobPayload = Static<typeof JobPayload>;

/** `hinted`: only the copies that EC2's own events named. A worker that does not know the field polls all of them. */
export const ScopePayload = Type.Object({
  v: version,
  scope: Type.String({ minLength: 1 }),
  hinted: Type.Optional(Type.Boolean()),
});
export type ScopePayload = Static<typeof ScopePayload>;

export const DeliveryPayload = Type.Object({
  v: version,
  jobId: Type.String({ minLength: 1 }),
  delivery: version,
});
export type DeliveryPayload = Static<typeof DeliveryPayload>;

/** Every job name with the schema of its payload. worker/registry.ts has the handlers. */
export const STEP_PAYLOADS = {
  'start-copies': JobPayload,
  'start-copy': DestinationPayload,
  'finish-copy': DestinationPayload,
  'remove-copy': DestinationPayload,
  'remove-leftover': LeftoverPayload,
  'hold-source': HoldPayload,
  'apply-permissions': JobPayload,
  'deliver-webhook': DeliveryPayload,
  'track-region': ScopePayload,
} as const;

export type StepName = keyof typeof STEP_PAYLOADS;

const SECOND: ReadonlySet<StepName> = new Set([
  'start-copy',
  'finish-copy',
  'remove-copy',
  'remove-leftover',
]);

/** The version with which the payload of a step is sent. */
export function payloadVersion(name: StepName): number {
  return SECOND.has(name) ? PAYLOAD_VERSION : FIRST_VERSION;
}
