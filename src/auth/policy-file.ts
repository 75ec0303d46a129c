import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { PRINCIPAL_ID_PATTERN } from '../domain/access.ts';
import {
  ACCOUNT_PATTERN,
  GROUP_NAME,
  KMS_KEY_PATTERN,
  ORGANIZATION_PATTERN,
  UNIT_PATTERN,
} from '../domain/identifiers.ts';
import type { Policy } from '../domain/policy.ts';
import { REGION_PATTERN } from '../domain/regions.ts';
import { CheckedFile, parseChecked } from '../checked-file.ts';

/** The names of principals, and `*` for all others. `key:*` is refused: it seems to mean all keys, but would match none. */
const PRINCIPAL = PRINCIPAL_ID_PATTERN.replace('^', '^(?!.*\\*)');

/** Values are exact, or `*`. Patterns such as `eu-*` are refused at the start, since they would match nothing. */
const orAny = (pattern: string) => Type.Array(Type.String({ pattern: `^\\*$|${pattern}` }));

const RulesSchema = Type.Object(
  {
    sourceRegions: Type.Optional(orAny(REGION_PATTERN)),
    destinationRegions: Type.Optional(orAny(REGION_PATTERN)),
    destinationAccounts: Type.Optional(orAny(`${ACCOUNT_PATTERN}|^group:${GROUP_NAME}$`)),
    accounts: Type.Optional(orAny(ACCOUNT_PATTERN)),
    organizations: Type.Optional(orAny(ORGANIZATION_PATTERN)),
    organizationalUnits: Type.Optional(orAny(UNIT_PATTERN)),
    kmsKeys: Type.Optional(orAny(KMS_KEY_PATTERN)),
    allowPublic: Type.Optional(Type.Boolean()),
    allowKeyGrants: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const PolicySchema = Type.Object(
  {
    principals: Type.Unsafe<Record<string, Type.Static<typeof RulesSchema>>>({
      type: 'object',
      propertyNames: { pattern: `^\\*$|${PRINCIPAL}` },
      additionalProperties: RulesSchema,
    }),
  },
  { additionalProperties: false },
);

const NOTHING = {
  sourceRegions: [],
  destinationRegions: [],
  destinationAccounts: [],
  accounts: [],
  organizations: [],
  organizationalUnits: [],
  kmsKeys: [],
  allowPublic: false,
  allowKeyGrants: false,
};

/** Loads the policy file (docs/security.md). @throws {ConfigError} if it can't be read or is invalid */
export function openPolicyFile(path: string): CheckedFile<Policy> {
  return new CheckedFile('POLICY_FILE', path, parsePolicy);
}

/** Parses the policy. A rule that is missing allows nothing. @throws an error that says where the text violates the schema */
export function parsePolicy(text: string): Policy {
  const { principals } = parseChecked(PolicySchema, text);
  const filled = Object.entries(principals).map(([id, rules]) => [id, { ...NOTHING, ...rules }]);
  const digest = createHash('sha256').update(text).digest('hex');
  return { version: `sha256:${digest.slice(0, 16)}`, principals: Object.fromEntries(filled) };
}
