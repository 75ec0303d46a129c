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
          'queued → (waiting: for a copy slot or a call of CopyImage) → pending (EC2 copies) → available (tags and shares follow) → succeeded | failed | cancelled.',
      }),
      stopping: Type.Unsafe<'cancel' | 'rollback' | 'hub-done' | null>({
        type: ['string', 'null'],
        enum: ['cancel', 'rollback', 'hub-done', null],
        description:
          'Set while the copy is being removed: it was cancelled, another destination failed, or all copies that were to be made of it have ended (`"hubCopies": "remove"`).',
      }),
      source: nullable(
        Type.Object(
          { account: AccountId, region: Region, imageId: ImageId },
          {
            ...CLOSED,
            description:
              'The image that it is copied from; null while that does not exist yet (`"via": "region"`).',
          },
        ),
      ),
      imageId: nullable(Type.String({ description: 'Id of the new image; null until EC2 has returned it.' })),
      imageState: Type.Unsafe<ImageState | null>({
        type: ['string', 'null'],
        enum: [...IMAGE_STATES, null],
        description: "EC2's state of the new image.",
      }),
      progress: percent('Percent, with snapshots weighted by their sizes.'),
      etaSeconds: nullable(
        Type.Integer({
          minimum: 0,
          description: 'Estimated seconds until the copy is complete; null while unknown.',
        }),
      ),
      encrypted: nullable(Type.Boolean({ description: 'As read from the new image; null until then.' })),
      kmsKeyId: nullable(Type.String({ description: 'The key that encrypts the new image.' })),
      attempts: Type.Integer({
        minimum: 1,
        description:
          'The number of the current attempt; each retry adds one. Calls that EC2 throttles, and waiting for a slot, add none.',
      }),
      error: nullableRef(Failure),
      startedAt: nullable(time('When CopyImage was called.')),
      availableAt: nullable(time('When EC2 had completed the copy.')),
      finishedAt: nullable(time('When the destination finished.')),
    },
    { ...CLOSED, description: 'One account and region that a job copies to.' },
  ),
);

export const Warning = component(
  'Warning',
  Type.Object(
    {
      code: Type.String({ description: `Stable code: ${WARNING_CODES.join(', ')}. Others may be added.` }),
      message: Type.String({ description: 'The problem, and what to do about it.' }),
      account: Type.String({ description: 'The account and region that it is about.' }),
      region: Type.String(),
      statements: Type.Optional(
        Type.Array(Type.Object({}, { additionalProperties: true }), {
          description: "Statements for the owner of the key to add to the key's policy.",
        }),
      ),
    },
    { ...CLOSED, description: 'A problem that does not stop the job.' },
  ),
);

export const Delivery = component(
  'Delivery',
  Type.Object(
    {
      n: Type.Integer({
        minimum: 1,
        description: 'The number of the delivery, for POST /jobs/{id}/deliveries/{n}/redeliver.',
      }),
      webhookId: Type.String({ description: 'The webhook-id, the same in each attempt.' }),
      event: oneOf(['job.finished', 'destination.finished'], { description: 'What is reported.' }),
      host: Type.String({ description: 'Host that is notified; the rest of the URL may be secret.' }),
      state: oneOf(['pending', 'delivered', 'failed'], { description: 'State of the delivery.' }),
      attempts: Type.Array(
        Type.Object(
          {
            at: time('When it was sent.'),
            status: nullable(Type.Integer({ description: 'HTTP status of the answer; null without one.' })),
            error: nullable(Type.String({ description: 'Why the attempt failed.' })),
          },
          CLOSED,
        ),
        { description: 'The latest attempts, oldest first.' },
      ),
      nextAttemptAt: nullable(time('Time of the next attempt; null if there is none.')),
    },
    { ...CLOSED, description: 'One message to a webhook.' },
  ),
);

/** The requested permissions: one set for PUT, DELETE and copies, `add` and `remove` for PATCH. */
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
      progress: percent('Progress over all destinations, percent.'),
      destinations: Type.Optional(
        Type.Array(ref(Destination), {
          description: 'The destinations of a copy, with the progress of each.',
        }),
      ),
      permissions: RequestedPermissions,
      before: Type.Optional(nullableRef(PermissionState)),
      after: Type.Optional(nullableRef(PermissionState)),
      error: Type.Optional(nullableRef(Failure)),
      warnings: Type.Array(ref(Warning), {
        description: 'Warnings. `no-worker` is shown only while no worker is running.',
      }),
      deliveries: Type.Array(ref(Delivery), { description: 'Messages to webhooks about the job.' }),
      requestedBy: Type.String({ description: 'The principal that requested the job.' }),
      createdAt: time('When the job was accepted.'),
      updatedAt: time('When the job last changed.'),
      finishedAt: nullable(time('When its last destination finished; null before.')),
    },
    { ...CLOSED, description: 'A job with its state and progress.' },
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
/** A job of kind `copy`, which always has destinations. */
export type CopyJob = Job & { destinations: Destination[] };
export type JobPage = Static<typeof JobPage>;
