import { Type } from 'typebox';
import type { Static } from 'typebox';
import { CLOSED, component, oneOf, ref } from './component.ts';
import { GROUP_NAME } from '../../domain/identifiers.ts';
import { Notify } from './notify.ts';
import { PermissionInput } from './permissions.ts';
import {
  AccountId,
  CompletionDurationMinutes,
  Description,
  ImageName,
  KmsKeyId,
  Region,
  TagMap,
} from './fields.ts';

const IN_DESTINATIONS =
  'regions are named in "destinations", such as {"destinations": [{"region": "eu-west-1"}]}';

/** Fields that may be set for all destinations, and for one of them. */
const options = {
  name: Type.Optional(ImageName),
  description: Type.Optional(Description),
  encrypted: Type.Optional(
    Type.Boolean({
      description:
        'Encrypt the copy. Without it, the copy is encrypted if its source is, or if encryption by default is on in the region.',
    }),
  ),
  kmsKeyId: Type.Optional(KmsKeyId),
  completionDurationMinutes: Type.Optional(CompletionDurationMinutes),
};

export const CopyDestination = component(
  'CopyDestination',
  Type.Object(
    {
      account: Type.Optional(
        Type.String({ ...AccountId, description: "Account of the copy. Default: the service's own." }),
      ),
      region: Type.Optional(Region),
      group: Type.Optional(
        Type.String({
          pattern: `^${GROUP_NAME}$`,
          description:
            'In place of account and region: a group of accounts (ACCOUNTS_FILE), each in its regions.',
          'x-rule': 'must be the name of a group: small letters, digits and hyphens',
        }),
      ),
      regions: Type.Optional(
        Type.Array(Region, {
          minItems: 1,
          maxItems: 100,
          description: 'With group: these regions, in place of those of its accounts.',
        }),
      ),
      ...options,
    },
    {
      ...CLOSED,
      description:
        'A destination: a region, with an account if it is not the own one, or a group. A field set here replaces the one set for all destinations.',
      examples: [{ region: 'eu-west-1' }],
    },
  ),
);

export const CopyRequest = component(
  'CopyRequest',
  Type.Object(
    {
      ...options,
      copyTags: Type.Optional(
        Type.Boolean({ description: "Copy the source's tags to the new images too. Default: true." }),
      ),
      tags: Type.Optional(TagMap),
      destinations: Type.Array(ref(CopyDestination), {
        minItems: 1,
        maxItems: 100,
        description:
          'The destinations: accounts and regions, each once; at most 100 in all, groups expanded.',
        examples: [[{ region: 'eu-west-1' }]],
        'x-rule': 'must name 1 to 100 destinations',
      }),
      permissions: Type.Optional(ref(PermissionInput)),
      notify: Type.Optional(Notify),
      via: Type.Optional(
        oneOf(['direct', 'region'], {
          description:
            '`region`: one copy into each region in the account of the source, then copies within the region into the other accounts, which wait for it. Default: direct.',
        }),
      ),
      hubCopies: Type.Optional(
        oneOf(['keep', 'remove'], {
          description:
            'With `"via": "region"`: whether the copies that the job added in the account of the source (hubs) are kept, or removed once no other copy needs them. Default: keep.',
        }),
      ),
      onFailure: Type.Optional(
        oneOf(['keep', 'deregister'], {
          description:
            "What happens to this request's other copies when one fails: they are kept, or deregistered and their snapshots deleted. Default: keep.",
        }),
      ),
    },
    {
      ...CLOSED,
      description: 'A copy of one image to one or many regions. Only "destinations" is required.',
      'x-unknown': { region: IN_DESTINATIONS, regions: IN_DESTINATIONS },
      examples: [
        {
          name: 'golden-web-copy',
          description: 'Copied with amiferry',
          tags: { team: 'web' },
          destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2', name: 'golden-web-west' }],
        },
      ],
    },
  ),
);

export type CopyRequest = Static<typeof CopyRequest>;
