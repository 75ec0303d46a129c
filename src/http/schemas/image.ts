import { Type } from 'typebox';
import type { Static } from 'typebox';
import { IMAGE_STATES } from '../../domain/ami.ts';
import { CLOSED, component, nullable, nullableRef, oneOf } from './component.ts';
import { AccountId, ImageId, Region } from './fields.ts';

export const ImageReference = component(
  'ImageReference',
  Type.Object(
    { imageId: Type.String(), region: Type.String() },
    { ...CLOSED, description: 'An image, by id and region.' },
  ),
);

export const NamedImage = component(
  'NamedImage',
  Type.Object(
    { imageId: Type.String(), account: Type.String(), region: Type.String() },
    { ...CLOSED, description: 'An image, by account, region and id.' },
  ),
);

export const Image = component(
  'Image',
  Type.Object(
    {
      imageId: ImageId,
      account: AccountId,
      region: Region,
      ownerId: Type.String({ description: 'Account that owns the image.' }),
      name: Type.String(),
      description: nullable(Type.String()),
      state: oneOf(IMAGE_STATES, {
        description: "EC2's state of the image; only an available one can be copied.",
      }),
      stateReason: nullable(Type.String({ description: "EC2's reason for a failed image." })),
      public: Type.Boolean({ description: 'Whether everyone may launch it.' }),
      encrypted: Type.Boolean({ description: 'Whether any of its snapshots is encrypted.' }),
      architecture: nullable(Type.String()),
      createdAt: nullable(Type.String({ format: 'date-time' })),
      deprecationTime: nullable(
        Type.String({
          format: 'date-time',
          description:
            'When the image becomes deprecated: from then on only its owner finds it in searches. Copies do not inherit this time.',
        }),
      ),
      source: nullableRef(ImageReference),
      snapshots: Type.Array(
        Type.Object(
          {
            deviceName: Type.String(),
            snapshotId: nullable(Type.String()),
            sizeGiB: nullable(Type.Number()),
            encrypted: Type.Boolean(),
          },
          CLOSED,
        ),
      ),
      productCodes: Type.Array(Type.String()),
      tags: Type.Record(Type.String(), Type.String()),
    },
    { ...CLOSED, description: 'An image as EC2 describes it.' },
  ),
);

export type Image = Static<typeof Image>;
