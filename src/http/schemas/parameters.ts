import { Type } from 'typebox';
import { PRINCIPAL_ID_PATTERN } from '../../domain/access.ts';
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../../domain/audit.ts';
import { JOB_KINDS, JOB_STATES } from '../../domain/job.ts';
import { CLOSED, oneOf } from './component.ts';
import { AccountId, ImageId, JobId, Region } from './fields.ts';

/** Path, query and header parameters. */
export const ImagePath = Type.Object({ imageId: ImageId }, CLOSED);

export const AccountPath = Type.Object({ account: AccountId }, CLOSED);

const JobInPath = Type.String({
  ...JobId,
  description:
    'Id of the job, from the 202 that accepted it. The example is not an existing job: `GET /jobs` lists the existing ones.',
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

/** Filters have no example: Swagger UI fills examples in, and the filter would match nothing on a fresh service. */
function filter(schema: typeof ImageId, description: string) {
  const rest = Object.entries(schema).filter(([name]) => name !== 'examples');
  return Type.Optional(Type.String({ ...Object.fromEntries(rest), description }));
}

export const ScopeQuery = Type.Object(
  {
    account: Type.Optional(
      Type.String({ ...AccountId, description: "Account of the image. Default: the service's own." }),
    ),
    region: Type.Optional(
      Type.String({
        ...Region,
        description: "Region of the image. Default: the service's region (AWS_REGION, or us-east-1).",
      }),
    ),
  },
  CLOSED,
);

/** Without a pattern: as RFC 7240 requires, an invalid preference is ignored. */
export const PreferHeader = Type.Object({
  Prefer: Type.Optional(
    Type.String({
      description:
        '`wait=N` holds the answer for up to N seconds (at most 30) until the job has finished (RFC 7240). At most 100 answers are held for one caller; further ones are sent at once, without `Preference-Applied`.',
    }),
  ),
});

/** On every route that changes something. plugins/idempotency.ts checks the form of the key, which may be bare or quoted. */
export const ChangeHeaders = Type.Object({
  ...PreferHeader.properties,
  'Idempotency-Key': Type.Optional(
    Type.String({
      description:
        'Send the same key (1 to 255 printable ASCII characters, bare or quoted) when you repeat a request: you get the first answer again (`Idempotent-Replayed: true`) and no second job. Keys expire after 7 days (IDEMPOTENCY_DAYS): a repetition after that makes a new job.',
    }),
  ),
});

/** A client that has received no event sends an empty id (HTML standard, section 9.2.4). */
export const LastEventIdHeader = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      pattern: '^(?:\\d{1,15}-\\d{1,15})?$',
      description: 'Id of the last event received: the stream continues after it.',
      'x-rule': 'must be the id of an event of this stream, such as 1763900000000-0',
    }),
  ),
});

export const AuditQuery = Type.Object(
  {
    principal: Type.Optional(
      Type.String({
        pattern: PRINCIPAL_ID_PATTERN,
        description: 'Only requests of this principal, and work done for them.',
        'x-rule': 'must be key:NAME, oidc:SUBJECT or anonymous',
      }),
    ),
    action: Type.Optional(oneOf(AUDIT_ACTIONS, { description: 'Only entries with this action.' })),
    outcome: Type.Optional(oneOf(AUDIT_OUTCOMES, { description: 'Only entries with this outcome.' })),
    jobId: filter(JobId, 'Only entries about this job.'),
    imageId: filter(ImageId, 'Only entries about this image.'),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'Entries per page. Default: 20.',
        'x-rule': 'must be a whole number between 1 and 100',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        pattern: '^\\d{1,15}-\\d{1,15}$',
        description: 'The nextCursor of the previous page.',
        'x-rule': 'must be the nextCursor of the previous page, unchanged',
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
        description: 'Jobs per page. Default: 20.',
        'x-rule': 'must be a whole number between 1 and 100',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,200}$',
        description: 'The nextCursor of the previous page.',
        'x-rule': 'must be the nextCursor of the previous page, unchanged',
      }),
    ),
  },
  CLOSED,
);
