import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { CheckedFile, parseChecked } from '../checked-file.ts';
import { ACCOUNT_PATTERN, GROUP_NAME, KMS_KEY_PATTERN } from '../domain/identifiers.ts';
import { REGION_PATTERN } from '../domain/regions.ts';
import type { Account, AccountsConfig, Role } from './accounts.ts';
import { ConfiguredAccounts } from './configured-accounts.ts';

const CLOSED = { additionalProperties: false };

/** IAM's form of a role's name, and of its ARN with an optional path. */
const ROLE_NAME = '[A-Za-z0-9+=,.@_-]{1,64}';
const ROLE_ARN = `^arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role/(?:[!-~]{1,510}/)?${ROLE_NAME}$`;

const externalIdFile = Type.Optional(Type.String({ minLength: 1 }));
const NamedRole = Type.Object({ name: Type.String({ pattern: `^${ROLE_NAME}$` }), externalIdFile }, CLOSED);
const RoleByArn = Type.Object({ arn: Type.String({ pattern: ROLE_ARN }), externalIdFile }, CLOSED);

const GROUP_PATTERN = `^${GROUP_NAME}$`;

const regions = Type.Optional(
  Type.Array(Type.String({ pattern: REGION_PATTERN }), { minItems: 1, uniqueItems: true }),
);
const kmsKeyId = Type.Optional(Type.String({ pattern: KMS_KEY_PATTERN }));

/** AWS Organizations' form of the id of a unit. */
const UNIT_ID = '^ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}$';
const GroupSchema = Type.Object(
  { organizationalUnit: Type.String({ pattern: UNIT_ID }), regions, kmsKeyId },
  CLOSED,
);

const AccountSchema = Type.Object(
  {
    alias: Type.Optional(Type.String({ pattern: '^[ -~]{1,64}$' })),
    regions,
    kmsKeyId,
    groups: Type.Optional(Type.Array(Type.String({ pattern: GROUP_PATTERN }))),
    role: Type.Optional(RoleByArn),
    readRole: Type.Optional(RoleByArn),
  },
  CLOSED,
);

const AccountsSchema = Type.Object(
  {
    role: NamedRole,
    readRole: Type.Optional(NamedRole),
    accounts: Type.Unsafe<Record<string, Static<typeof AccountSchema>>>({
      type: 'object',
      propertyNames: { pattern: ACCOUNT_PATTERN },
      additionalProperties: AccountSchema,
    }),
    groups: Type.Optional(
      Type.Unsafe<Record<string, Static<typeof GroupSchema>>>({
        type: 'object',
        propertyNames: { pattern: GROUP_PATTERN },
        additionalProperties: GroupSchema,
      }),
    ),
  },
  CLOSED,
);

/** AWS's form of an external id. */
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/;

/** Loads the accounts file (docs/accounts.md). @throws {ConfigError} if it can't be read or is invalid */
export function openAccountsFile(path: string): CheckedFile<AccountsConfig> {
  return new CheckedFile('ACCOUNTS_FILE', path, parseAccounts);
}

/** Loads the accounts file that is set. @throws {ConfigError} if it can't be read or is invalid */
export function accountsOf({ accountsFile }: { accountsFile: string }): {
  accounts: ConfiguredAccounts;
  files: CheckedFile<AccountsConfig>[];
} {
  if (accountsFile === '') return { accounts: new ConfiguredAccounts({ current: () => NO_FILE }), files: [] };
  const file = openAccountsFile(accountsFile);
  return { accounts: new ConfiguredAccounts(file), files: [file] };
}

const NO_ROLE: Role = { name: '', externalIdFile: null };
const NO_FILE: AccountsConfig = { accounts: new Map(), units: [], role: NO_ROLE, readRole: NO_ROLE };

/** @throws an error that says where the text violates the schema, or which file of an external id is invalid */
export function parseAccounts(text: string): AccountsConfig {
  const { role, readRole = role, accounts, groups = {} } = parseChecked(AccountsSchema, text);
  const all = Object.entries(accounts).map(([account, one]): [string, Account] => {
    const use = roleIn(account, one.role, role, 'role');
    const { alias = null, regions = null, kmsKeyId = null, groups = [] } = one;
    const read = one.readRole === undefined && one.role !== undefined ? one.role : one.readRole;
    return [
      account,
      {
        account,
        alias,
        regions,
        kmsKeyId,
        groups,
        role: use,
        readRole: roleIn(account, read, readRole, 'readRole'),
      },
    ];
  });
  const units = Object.entries(groups).map(([name, one]) => ({
    name,
    organizationalUnit: one.organizationalUnit,
    regions: one.regions ?? null,
    kmsKeyId: one.kmsKeyId ?? null,
  }));
  const named = (one: Static<typeof NamedRole>): Role => ({
    name: one.name,
    externalIdFile: one.externalIdFile ?? null,
  });
  return { accounts: new Map(all), units, role: named(role), readRole: named(readRole) };
}

/** @throws when the ARN is that of another account's role, or when the external id can't be read */
function roleIn(
  account: string,
  own: Static<typeof RoleByArn> | undefined,
  named: Static<typeof NamedRole>,
  field: string,
): Role {
  const { externalIdFile = null } = own ?? named;
  if (own !== undefined && own.arn.split(':')[4] !== account)
    throw new Error(`/accounts/${account}/${field}/arn is a role of another account`);
  if (externalIdFile !== null) readExternalId(externalIdFile);
  return own === undefined ? { name: named.name, externalIdFile } : { arn: own.arn, externalIdFile };
}

/** The external id in a file, without the line break at its end. @throws an error that does not repeat it */
export function readExternalId(path: string): string {
  const id = readFileSync(path, 'utf8').trim();
  if (!EXTERNAL_ID.test(id))
    throw new Error(`${path} has no external id: 2 to 1224 of letters, digits and +=,.@:/-`);
  return id;
}
