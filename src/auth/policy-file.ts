import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { PRINCIPAL_ID_PATTERN } from '../domain/access.ts';
import type { Policy } from '../domain/policy.ts';
import { REGION_PATTERN } from '../domain/regions.ts';
import { CheckedFile, parseChecked } from './checked-file.ts';

const orAny = (pattern: string) => Type.Array(Type.String({ pattern: `^\\*$|${pattern}` }));
const ORGANIZATION = '^arn:aws[a-z-]{0,20}:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}$';
const UNIT = '^arn:aws[a-z-]{0,20}:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[a-z0-9-]{8,68}$';

const RulesSchema = Type.Object(
  {
    sourceRegions: Type.Optional(orAny(REGION_PATTERN)),
    destinationRegions: Type.Optional(orAny(REGION_PATTERN)),
    accounts: Type.Optional(orAny('^[0-9]{12}$')),
    organizations: Type.Optional(orAny(ORGANIZATION)),
    organizationalUnits: Type.Optional(orAny(UNIT)),
    kmsKeys: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    allowPublic: Type.Optional(Type.Boolean()),
    allowKeyGrants: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const PolicySchema = Type.Object(
  {
    principals: Type.Unsafe<Record<string, Type.Static<typeof RulesSchema>>>({
      type: 'object',
      propertyNames: { pattern: `^\\*$|${PRINCIPAL_ID_PATTERN}` },
      additionalProperties: RulesSchema,
    }),
  },
  { additionalProperties: false },
);

const NOTHING = {
  sourceRegions: [],
  destinationRegions: [],
  accounts: [],
  organizations: [],
  organizationalUnits: [],
  kmsKeys: [],
  allowPublic: false,
  allowKeyGrants: false,
};

/** The policy file (docs/security.md). @throws {ConfigError} when it can't be read or is no good */
export function openPolicyFile(path: string): CheckedFile<Policy> {
  return new CheckedFile('POLICY_FILE', path, parsePolicy);
}

/** What the rules of a principal leave out is nothing. @throws an error that says where the text breaks the schema */
export function parsePolicy(text: string): Policy {
  const { principals } = parseChecked(PolicySchema, text);
  const filled = Object.entries(principals).map(([id, rules]) => [id, { ...NOTHING, ...rules }]);
  const digest = createHash('sha256').update(text).digest('hex');
  return { version: `sha256:${digest.slice(0, 16)}`, principals: Object.fromEntries(filled) };
}
