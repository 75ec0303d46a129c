import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { ImageState } from '../../domain/ami.ts';
import { IMAGE_STATES } from '../../domain/ami.ts';
import { DESTINATION_STATES, JOB_KINDS, JOB_STATES, WARNING_CODES } from '../../domain/job.ts';
import { CLOSED, component, nullable, nullableRef, oneOf, ref } from './component.ts';
import { AccountId, ImageId, JobId, Region } from './fields.ts';
import type { PermissionInput, PermissionPatch } from './permissions.ts';
import { PermissionState } from './permissions.ts';

export const time = (description: string) => Type.String({ format: 'date-time', description });
export const percent = (description: string) => Type.Integer({ minimum: 0, maximum: 100, description });

export const Failure = component(
  'Failure',
  Type.Object(
    {
      code: Type.String({ description: 'Stable code of this service (docs/errors.md).' }),
      message: Type.String({ description: 'What failed, where, and what to do next.' }),
      awsCode: nullable(Type.String({ description: "EC2's own error code." })),
      awsRequestId: nullable(Type.String({ description: "EC2's request id, for AWS support." })),
      retryable: Type.Boolean({ description: 'Whether the same request may succeed later, unchanged.' }),
    },
    { ...CLOSED, description: 'Why something failed.' },
  ),
);

export const Destination = component(
  'Destination',
  Type.Object(
    {
      account: AccountId,
      region: Region,
      name: Type.String({ description: 'Name of the new image.' }),
      state: oneOf(DESTINATION_STATES, {
        description:
          'queued → (waiting for a copy slot, or for EC2 to allow another call) → pending (EC2 copies) → available (being finished) → succeeded | failed | cancelled.',
      }),
      stopping: Type.Unsafe<'cancel' | 'rollback' | null>({
        type: ['string', 'null'],
        enum: ['cancel', 'rollback', null],
        description:
          'Set while the copy is being removed, because it was cancelled or because another destination failed.',
      }),
      imageId: nullable(Type.String({ description: 'Id of the new image; null until EC2 has given one.' })),
      imageState: Type.Unsafe<ImageState | null>({
        type: ['string', 'null'],
        enum: [...IMAGE_STATES, null],
        description: "EC2's state of the new image.",
      }),
      progress: percent('Percent, weighted by the sizes of the snapshots.'),
      etaSeconds: nullable(
        Type.Integer({
          minimum: 0,
          description: 'Seconds that the copy will still take; null while that is not known.',
        }),
      ),
      encrypted: nullable(
        Type.Boolean({ description: 'As read from the new image; null until it is known.' }),
      ),
      kmsKeyId: nullable(Type.String({ description: 'The key that the new image is encrypted under.' })),
      attempts: Type.Integer({
        minimum: 1,
        description:
          'Which attempt this is; each retry adds one. What EC2 throttles, or has no room for, adds none.',
      }),
      error: nullableRef(Failure),
      startedAt: nullable(time('When CopyImage was called.')),
      availableAt: nullable(time('When EC2 had finished the copy.')),
      finishedAt: nullable(time('When the destination had finished.')),
    },
    { ...CLOSED, description: 'One account and region that a job copies to.' },
  ),
);

export const Warning = component(
  'Warning',
  Type.Object(
    {
      code: Type.String({ description: `Stable code: ${WARNING_CODES.join(', ')}. Others may be added.` }),
      message: Type.String({ description: 'What was found, and what to do about it.' }),
      region: Type.String(),
      statements: Type.Optional(
        Type.Array(Type.Object({}, { additionalProperties: true }), {
          description: "Statements for the owner of the key to add to the key's policy.",
        }),
      ),
    },
    { ...CLOSED, description: 'A warning: something to know that did not stop the job.' },
  ),
);

export const Delivery = component(
  'Delivery',
  Type.Object(
    {
      n: Type.Integer({
        minimum: 1,
        description: 'Its number, for POST /jobs/{id}/deliveries/{n}/redeliver.',
      }),
      webhookId: Type.String({ description: 'The webhook-id that it is sent with, each time.' }),
      event: oneOf(['job.finished', 'destination.finished'], { description: 'What is reported.' }),
      host: Type.String({ description: 'Host that is notified; the rest of the URL may be secret.' }),
      state: oneOf(['pending', 'delivered', 'failed'], { description: 'How far it is.' }),
      attempts: Type.Array(
        Type.Object(
          {
            at: time('When it was tried.'),
            status: nullable(Type.Integer({ description: 'HTTP status of the answer; null without one.' })),
            error: nullable(Type.String({ description: 'Why it was not taken.' })),
          },
          CLOSED,
        ),
        { description: 'The latest tries, oldest first.' },
      ),
      nextAttemptAt: nullable(time('When it is tried next; null when it is not.')),
    },
    { ...CLOSED, description: 'One message to a webhook.' },
  ),
);

/** What was asked for: the set of a PUT, DELETE or copy, or the two of a PATCH. */
const RequestedPermissions = Type.Unsafe<PermissionInput | PermissionPatch | null>({
  anyOf: [{ $ref: 'PermissionInput#' }, { $ref: 'PermissionPatch#' }, { type: 'null' }],
});

export const Job = component(
  'Job',
  Type.Object(
    {
      id: JobId,
      kind: oneOf(JOB_KINDS, { description: 'What the job does.' }),
      state: oneOf(JOB_STATES, {
        description: '"partial": some destinations succeeded, the others failed or were cancelled.',
      }),
      image: Type.Object(
        {
          id: ImageId,
          account: AccountId,
          region: Region,
          name: Type.String({ description: 'Name of the source image.' }),
        },
        { ...CLOSED, description: 'The source image.' },
      ),
      progress: percent('Percent over all destinations.'),
      destinations: Type.Optional(
        Type.Array(ref(Destination), {
          description: 'Of a copy: its destinations, with the progress of each.',
        }),
      ),
      permissions: RequestedPermissions,
      before: Type.Optional(nullableRef(PermissionState)),
      after: Type.Optional(nullableRef(PermissionState)),
      error: Type.Optional(nullableRef(Failure)),
      warnings: Type.Array(ref(Warning), {
        description: 'Warnings. `no-worker` is there only as long as no worker is running.',
      }),
      deliveries: Type.Array(ref(Delivery), { description: 'Messages to webhooks about the job.' }),
      requestedBy: Type.String({ description: 'Who asked for the job.' }),
      createdAt: time('When the job was accepted.'),
      updatedAt: time('When anything in it last changed.'),
      finishedAt: nullable(time('When its last destination finished; null before.')),
    },
    { ...CLOSED, description: 'A job and how far it is.' },
  ),
);

export const JobPage = component(
  'JobPage',
  Type.Object(
    {
      jobs: Type.Array(ref(Job)),
      nextCursor: nullable(
        Type.String({ description: 'Give it as ?cursor= to get the next page; null on the last one.' }),
      ),
    },
    { ...CLOSED, description: 'Jobs, newest first.' },
  ),
);

export type Failure = Static<typeof Failure>;
export type Delivery = Static<typeof Delivery>;
export type Destination = Static<typeof Destination>;
export type Job = Static<typeof Job>;
/** A job of kind `copy`: it always has its destinations. */
export type CopyJob = Job & { destinations: Destination[] };
export type JobPage = Static<typeof JobPage>;
