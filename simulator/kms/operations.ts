import { describeKey, listAliases } from './describe-key.ts';
import { createGrant, listGrants, revokeGrant } from './grants.ts';
import type { KmsRequest } from './input.ts';

interface KmsOperation {
  readonly mutates: boolean;
  readonly run: (request: KmsRequest, body: string) => object;
}

/** Every KMS action that is simulated. */
export const kmsOperations: ReadonlyMap<string, KmsOperation> = new Map<string, KmsOperation>([
  ['CreateGrant', { mutates: true, run: createGrant }],
  ['DescribeKey', { mutates: false, run: describeKey }],
  ['ListAliases', { mutates: false, run: listAliases }],
  ['ListGrants', { mutates: false, run: listGrants }],
  ['RevokeGrant', { mutates: true, run: revokeGrant }],
]);
