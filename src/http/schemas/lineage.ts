import { Type } from 'typebox';
import { CLOSED, component, nullable, ref } from './component.ts';
import { AccountId, ImageId, Region } from './fields.ts';

export const Relative = component(
  'Relative',
  Type.Object(
    {
      imageId: Type.String(),
      account: Type.String(),
      region: Type.String(),
      name: nullable(
        Type.String({ description: 'null if the image no longer exists or is not visible to this account.' }),
      ),
      state: nullable(Type.String()),
      createdAt: nullable(Type.String()),
      jobId: nullable(
        Type.String({ description: 'The job that made the image; null if it was not this service.' }),
      ),
    },
    { ...CLOSED, description: 'An image in a lineage.' },
  ),
);

export const Lineage = component(
  'Lineage',
  Type.Object(
    {
      imageId: ImageId,
      account: AccountId,
      region: Region,
      ancestors: Type.Array(ref(Relative), {
        description: 'The images that this one was copied from, nearest first.',
      }),
      copies: Type.Array(ref(Relative), { description: 'Its direct copies, in all regions.' }),
      unanswered: Type.Array(
        Type.Object(
          { account: Type.String(), region: Type.String(), code: Type.String(), message: Type.String() },
          CLOSED,
        ),
        { description: 'Regions that could not be queried: copies there are missing from the list.' },
      ),
    },
    {
      ...CLOSED,
      description: 'The copies and ancestors of an image, as EC2 describes them.',
    },
  ),
);
