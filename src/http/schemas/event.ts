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
      imageId: nullable(Type.String({ description: 'Id of the new image; null until EC2 has given one.' })),
      progress: percent('Percent.'),
      etaSeconds: nullable(
        Type.Integer({ minimum: 0, description: 'Seconds that the copy will still take.' }),
      ),
      errorCode: nullable(Type.String({ description: 'Code of what it failed of.' })),
    },
    { ...CLOSED, description: 'The destination that an event is about.' },
  ),
);

export const JobEvent = component(
  'JobEvent',
  Type.Object(
    {
      type: oneOf(EVENT_TYPES, {
        description: 'What happened: the new state of the job or of a destination, or progress.',
      }),
      at: time('When it happened.'),
      jobId: JobId,
      requestedBy: Type.String({ description: 'Who asked for the job.' }),
      state: oneOf(JOB_STATES, { description: 'State of the job after the event.' }),
      progress: percent('Percent over all destinations.'),
      destination: nullableRef(EventDestination),
    },
    {
      ...CLOSED,
      description:
        'The data of one event. A "resync" event has only its type and, as "read", the path to read instead of the events that may have been missed.',
    },
  ),
);

export type JobEvent = Static<typeof JobEvent>;
