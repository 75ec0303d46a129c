import { Type } from 'typebox';
import { PRINCIPAL_ID_PATTERN } from '../../domain/access.ts';
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../../domain/audit.ts';
import { JOB_KINDS, JOB_STATES } from '../../domain/job.ts';
import { CLOSED, oneOf } from './component.ts';
import { ImageId, JobId, Region } from './fields.ts';

/** Path, query and header parameters. */
export const ImagePath = Type.Object({ imageId: ImageId }, CLOSED);

const JobInPath = Type.String({
  ...JobId,
  description:
    'Id of the job, from the 202 that accepted it. The example is the id of no job: `GET /jobs` lists those that there are.',
});

export const JobPath = Type.Object({ id: JobInPath }, CLOSED);

export const DeliveryPath = Type.Object(
  {
    id: JobInPath,
    n: Type.String({
      pattern: '^[1-9][0-9]{0,5}$',
      description: 'Number of the delivery within the job.',
      examples: ['1'],
      'x-rule': 'must be the number of a delivery, as the job lists it',
    }),
  },
  CLOSED,
);

/** A filter has no example: Swagger UI fills examples in, and the filter would then match nothing on a fresh service. */
function filter(schema: typeof ImageId, description: string) {
  const rest = Object.entries(schema).filter(([name]) => name !== 'examples');
  return Type.Optional(Type.String({ ...Object.fromEntries(rest), description }));
}

export const RegionQuery = Type.Object(
  {
    region: Type.Optional(
      Type.String({
        ...Region,
        description:
          "Region of the image. Left out, it is the service's own (AWS_REGION; us-east-1 unless set).",
      }),
    ),
  },
  CLOSED,
);

/** Left open: a preference that can't be read is ignored, as RFC 7240 has it. */
export const PreferHeader = Type.Object({
  Prefer: Type.Optional(
    Type.String({
      description:
        '`wait=N` holds the answer for up to N seconds (at most 30) until the job has finished (RFC 7240). At most 100 answers are held for one caller; further ones are sent at once, without `Preference-Applied`.',
    }),
  ),
});

/** Of every route that changes anything. plugins/idempotency.ts checks its form, since one key has two. */
export const ChangeHeaders = Type.Object({
  ...PreferHeader.properties,
  'Idempotency-Key': Type.Optional(
    Type.String({
      description:
        'Send the same key (1 to 255 printable ASCII characters, bare or quoted) with the same request again, and you get the first answer again (`Idempotent-Replayed: true`) and no second job. Keys are kept for 7 days (IDEMPOTENCY_DAYS); the same request sent later is a new one, and makes a new job.',
    }),
  ),
});

/** The empty id is what a client sends that has seen no event (HTML standard, section 9.2.4). */
export const LastEventIdHeader = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      pattern: '^(?:\\d{1,15}-\\d{1,15})?$',
      description: 'Id of the last event that was seen: the stream goes on after it.',
      'x-rule': 'must be the id of an event of this stream, such as 1763900000000-0',
    }),
  ),
});

export const AuditQuery = Type.Object(
  {
    principal: Type.Optional(
      Type.String({
        pattern: PRINCIPAL_ID_PATTERN,
        description: 'Only what this principal asked for, or what was done for it.',
        'x-rule': 'must be key:NAME, oidc:SUBJECT or anonymous',
      }),
    ),
    action: Type.Optional(oneOf(AUDIT_ACTIONS, { description: 'Only entries of this kind.' })),
    outcome: Type.Optional(oneOf(AUDIT_OUTCOMES, { description: 'Only entries that ended so.' })),
    jobId: filter(JobId, 'Only entries about this job.'),
    imageId: filter(ImageId, 'Only entries about this image.'),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'Entries a page. Default: 20.',
        'x-rule': 'must be a whole number between 1 and 100',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        pattern: '^\\d{1,15}-\\d{1,15}$',
        description: 'The nextCursor of the previous page.',
        'x-rule': 'must be the nextCursor of the page before, unchanged',
      }),
    ),
  },
  CLOSED,
);

export const JobsQuery = Type.Object(
  {
    state: Type.Optional(oneOf(JOB_STATES, { description: 'Only jobs in this state.' })),
    kind: Type.Optional(oneOf(JOB_KINDS, { description: 'Only jobs of this kind.' })),
    imageId: filter(ImageId, 'Only jobs with this image as their source or as one of their copies.'),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'Jobs a page. Default: 20.',
        'x-rule': 'must be a whole number between 1 and 100',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,200}$',
        description: 'The nextCursor of the previous page.',
        'x-rule': 'must be the nextCursor of the page before, unchanged',
      }),
    ),
  },
  CLOSED,
);
