import { Type } from 'typebox';
import type { Static } from 'typebox';
import { CLOSED, component, nullable, oneOf, ref } from './component.ts';

export const Alive = component(
  'Alive',
  Type.Object({ status: oneOf(['ok']) }, { ...CLOSED, description: 'The process runs.' }),
);

export const Check = component(
  'Check',
  Type.Object(
    {
      name: Type.String({ description: 'What was checked.' }),
      ok: Type.Boolean(),
      required: Type.Boolean({
        description: 'Whether a failure makes the service not ready; else it is only a warning.',
      }),
      why: nullable(Type.String({ description: 'What is wrong and how to fix it; null if nothing is.' })),
    },
    { ...CLOSED, description: 'The check of one thing that the service needs.' },
  ),
);

export const Health = component(
  'Health',
  Type.Object(
    { status: oneOf(['ready', 'not-ready']), checks: Type.Array(ref(Check)) },
    { ...CLOSED, description: 'Whether the service can do its work, with each check.' },
  ),
);

export type Health = Static<typeof Health>;
