import { Type } from 'typebox';
import { CLOSED, component } from './component.ts';
import { DestinationName } from './fields.ts';

export const DestinationSelection = component(
  'DestinationSelection',
  Type.Object(
    {
      destinations: Type.Optional(
        Type.Array(DestinationName, {
          minItems: 1,
          maxItems: 100,
          description: "The job's destinations that are changed, and no others. Without it, all are.",
          'x-rule': "must name 1 to 100 of the job's destinations; leave it out to mean all of them",
        }),
      ),
    },
    {
      ...CLOSED,
      description: 'The destinations of a job to which a request applies.',
      examples: [{ destinations: ['eu-west-1'] }],
    },
  ),
);
