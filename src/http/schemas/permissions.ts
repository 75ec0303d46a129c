import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ACCOUNT_PATTERN, ORGANIZATION_PATTERN, UNIT_PATTERN } from '../../domain/identifiers.ts';
import { CLOSED, component, nullable, oneOf, ref } from './component.ts';
import { AccountId, ImageId, JobId, Region } from './fields.ts';
import { Notify } from './notify.ts';

const Account = Type.String({
  pattern: ACCOUNT_PATTERN,
  examples: ['222222222222'],
  'x-rule': 'must be an account id: 12 digits, as text ("012345678901" keeps its zero)',
});

const Organization = Type.String({
  pattern: ORGANIZATION_PATTERN,
  examples: ['arn:aws:organizations::111111111111:organization/o-abcdefghij'],
  'x-rule':
    'must be the full ARN of an organization: arn:PARTITION:organizations::ACCOUNT:organization/o-… (PARTITION is aws except in GovCloud, China and others)',
});

const OrganizationalUnit = Type.String({
  pattern: UNIT_PATTERN,
  examples: ['arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-cdefghij'],
  'x-rule':
    'must be the full ARN of an organizational unit: arn:PARTITION:organizations::ACCOUNT:ou/o-…/ou-… (PARTITION is aws except in GovCloud, China and others)',
});

/** Above EC2's quota of 1,000, so that a refusal can name the quota instead of a number of items. */
const MAX_ITEMS = 2000;

const sharees = <T extends typeof Account>(item: T, description: string) =>
  Type.Array(item, { uniqueItems: true, maxItems: MAX_ITEMS, description });

const fields = {
  public: Type.Boolean({ description: 'Everyone may launch it (Group=all).' }),
  accounts: sharees(Account, 'Account ids, 12 digits each.'),
  organizations: sharees(Organization, 'Full ARNs of organizations.'),
  organizationalUnits: sharees(OrganizationalUnit, 'Full ARNs of organizational units.'),
};

const options = {
  includeSnapshots: Type.Boolean({
    description:
      'The accounts may also copy the image (createVolumePermission on its snapshots). They need this only for copying, not for launching.',
  }),
  grantKeyAccess: Type.Boolean({
    description:
      'The accounts also get a grant for the customer key of an encrypted image; it is revoked when the share is withdrawn.',
  }),
};

/** The "permissions" of a copy, and "add" and "remove" of PATCH. A missing list is empty, a missing flag false. */
export const PermissionInput = component(
  'PermissionInput',
  Type.Partial(Type.Object({ ...fields, ...options }), {
    ...CLOSED,
    description: 'Who may launch an image. A missing list is empty, a missing flag false.',
    examples: [{ accounts: ['222222222222'] }],
  }),
);

const PUT_IS_WHOLE =
  'PUT takes the lists themselves, such as {"accounts": ["222222222222"]}, and sharees that are not named lose access; PATCH takes "add" and "remove"';

/** The body of PUT. */
export const PermissionPut = component(
  'PermissionPut',
  Type.Partial(Type.Object({ ...fields, ...options, notify: Notify }), {
    ...CLOSED,
    description:
      'The new permissions, which replace the old ones. A missing list is empty, a missing flag false.',
    'x-unknown': { add: PUT_IS_WHOLE, remove: PUT_IS_WHOLE },
    examples: [{ accounts: ['222222222222'] }],
  }),
);

export const PermissionPatch = component(
  'PermissionPatch',
  Type.Object(
    {
      add: Type.Optional(ref(PermissionInput)),
      remove: Type.Optional(ref(PermissionInput)),
      notify: Type.Optional(Notify),
    },
    {
      ...CLOSED,
      minProperties: 1,
      description:
        'The permissions to add and to remove. Accounts, organizations and units named in neither keep what they have.',
      examples: [{ add: { accounts: ['222222222222'] }, remove: { accounts: ['333333333333'] } }],
      'x-rule': 'must have "add" or "remove", or both',
      'x-unknown': 'PATCH takes "add" and "remove", such as {"add": {"accounts": ["222222222222"]}}',
    },
  ),
);

export const PermissionState = component(
  'PermissionState',
  Type.Object(
    {
      ...fields,
      snapshotAccounts: sharees(Account, 'Accounts that may also copy the image.'),
      publicSnapshots: Type.Optional(
        Type.Array(Type.String(), {
          description: 'Snapshots of the image that are public. PUT and DELETE make them private.',
        }),
      ),
    },
    { ...CLOSED, description: 'Who may launch and copy an image, as read from EC2.' },
  ),
);

const Reason = Type.Object(
  {
    code: Type.String({ description: 'Stable code of this service (docs/errors.md).' }),
    message: Type.String({ description: 'Why sharing is refused, and what to do.' }),
  },
  CLOSED,
);

export const Permissions = component(
  'Permissions',
  Type.Object(
    {
      imageId: ImageId,
      account: AccountId,
      region: Region,
      ...fields,
      snapshotAccounts: sharees(Account, 'Accounts that may also copy the image.'),
      publicSnapshots: Type.Optional(
        Type.Array(Type.String(), {
          description: 'Snapshots of the image that are public. PUT and DELETE make them private.',
        }),
      ),
      visibility: oneOf(['private', 'shared', 'public']),
      encryption: Type.Object(
        { encrypted: Type.Boolean(), kmsKeyIds: Type.Array(Type.String()) },
        { ...CLOSED, description: 'Whether the image is encrypted, and under which keys.' },
      ),
      blockPublicAccess: nullable(
        Type.Boolean({
          description:
            'Whether block public access for AMIs is on in the region; null if the service may not read that.',
        }),
      ),
      holds: Type.Array(Type.Object({ account: AccountId, jobs: Type.Array(JobId) }, CLOSED), {
        description:
          'Accounts that have access because the image is copied into them, and the jobs that make these copies. The access is taken back when the last copy has been made, has failed or is cancelled. `jobs` is empty if it could not be taken back (warning `source-still-shared`).',
      }),
      shareable: Type.Object(
        {
          accounts: Type.Boolean({
            description: 'Whether it can be shared with accounts, organizations and units.',
          }),
          public: Type.Boolean({ description: 'Whether it can be made public.' }),
          reasons: Type.Array(Reason, { description: 'Why not, and what to do.' }),
        },
        CLOSED,
      ),
    },
    { ...CLOSED, description: 'Who may launch an image, and whether it can be shared: if not, why.' },
  ),
);

export type PermissionInput = Static<typeof PermissionInput>;
export type PermissionPatch = Static<typeof PermissionPatch>;
export type Permissions = Static<typeof Permissions>;
