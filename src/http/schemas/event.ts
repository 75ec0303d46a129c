import { Type } from 'typebox';
import type { Static } from 'typebox';
import { EVENT_TYPES } from '../../domain/job-events.ts';
import { DESTINATION_STATES, JOB_STATES } from '../../domain/job.ts';
import { CLOSED, component, nullable, nullableRef, oneOf } from './component.ts';
import { AccountId, JobId, Region } from './fields.ts';
import { percent, time } from './job.ts';

export const EventDestination = component(
  'EventDestination',
  Type.Object(
    {
      account: AccountId,
      region: Region,
      state: oneOf(DESTINATION_STATES, { description: 'State of the destination after the event.' }),
      imageId: nullable(Type.String({ description: 'Id of the new image; null until EC2 has returned it.' })),
      progress: percent('Percent.'),
      etaSeconds: nullable(
        Type.Integer({ minimum: 0, description: 'Estimated seconds until the copy is complete.' }),
      ),
      errorCode: nullable(
        Type.String({ description: 'Code of the error that the destination failed with.' }),
      ),
    },
    { ...CLOSED, description: 'The destination that an event is about.' },
  ),
);

export const JobEvent = component(
  'JobEvent',
  Type.Object(
    {
      type: oneOf(EVENT_TYPES, {
        description: 'The kind of event: a new state of the job or of a destination, or progress.',
      }),
      at: time('When it happened.'),
      jobId: JobId,
      requestedBy: Type.String({ description: 'The principal that requested the job.' }),
      state: oneOf(JOB_STATES, { description: 'State of the job after the event.' }),
      progress: percent('Progress over all destinations, percent.'),
      destination: nullableRef(EventDestination),
    },
    {
      ...CLOSED,
      description:
        'The data of one event. A "resync" event means that events may have been missed: it has only its type and, as "read", the path at which to read the current state.',
    },
  ),
);

export type JobEvent = Static<typeof JobEvent>;
