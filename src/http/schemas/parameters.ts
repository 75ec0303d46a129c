import { Type } from 'typebox';
import { JOB_KINDS, JOB_STATES } from '../../domain/job.ts';
import { CLOSED, oneOf } from './component.ts';
import { ImageId, JobId, Region } from './fields.ts';

/** Path, query and header parameters. */
export const ImagePath = Type.Object({ imageId: ImageId }, CLOSED);

export const JobPath = Type.Object({ id: JobId }, CLOSED);

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
        '`wait=N` holds the answer for up to N seconds (at most 30) until the job has finished (RFC 7240).',
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

export const JobsQuery = Type.Object(
  {
    state: Type.Optional(oneOf(JOB_STATES, { description: 'Only jobs in this state.' })),
    kind: Type.Optional(oneOf(JOB_KINDS, { description: 'Only jobs of this kind.' })),
    imageId: Type.Optional(
      Type.String({
        ...ImageId,
        description: 'Only jobs with this image as their source or as one of their copies.',
      }),
    ),
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
        description: 'The nextCursor of the page before.',
        'x-rule': 'must be the nextCursor of the page before, unchanged',
      }),
    ),
  },
  CLOSED,
);
