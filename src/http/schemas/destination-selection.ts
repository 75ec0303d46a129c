import { Type } from 'typebox';
import { CLOSED, component } from './component.ts';
import { Region } from './fields.ts';

export const DestinationSelection = component(
  'DestinationSelection',
  Type.Object(
    {
      destinations: Type.Optional(
        Type.Array(Region, {
          minItems: 1,
          maxItems: 50,
          description: "Regions of the job's destinations: only these are changed. Without it, all are.",
          'x-rule': "must name 1 to 50 of the job's destinations; leave it out to mean all of them",
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
