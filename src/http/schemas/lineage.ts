import { Type } from 'typebox';
import { CLOSED, component, nullable, ref } from './component.ts';
import { AccountId, ImageId, Region } from './fields.ts';

export const Relative = component(
  'Relative',
  Type.Object(
    {
      imageId: Type.String(),
      account: Type.String({
        description:
          'Account of the image. EC2 does not tell in which account the source of a copy is: if the source is not found, this is the account of its copy.',
      }),
      region: Type.String(),
      name: nullable(
        Type.String({
          description:
            "null if the image no longer exists, or is visible neither to the account of its copy nor to the service's own.",
        }),
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
      copies: Type.Array(ref(Relative), { description: 'Its direct copies, in all accounts and regions.' }),
      unanswered: Type.Array(
        Type.Object(
          { account: Type.String(), region: Type.String(), code: Type.String(), message: Type.String() },
          CLOSED,
        ),
        {
          description:
            'Accounts and regions that could not be queried: copies there are missing from the list. An account that could not be reached is listed with each of its regions.',
        },
      ),
    },
    {
      ...CLOSED,
      description: 'The copies and ancestors of an image, as EC2 describes them.',
    },
  ),
);
