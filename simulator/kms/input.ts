import { AwsError } from '../errors.ts';
import { partitionOf } from '../regions.ts';
import { mayUse, type Key } from '../state/keys.ts';
import type { World } from '../state/world.ts';

export interface KmsRequest {
  readonly world: World;
  readonly account: string;
  readonly region: string;
}

/**
 * Finds the key that the caller names, and checks that the caller may do the operation with it.
 * @throws AwsError NotFoundException, AccessDeniedException
 */
export function usableKey(request: KmsRequest, identifier: string, operation: string): Key {
  const { world, account, region } = request;
  const key = world.findKey(account, region, identifier);
  if (key === undefined) throw notFound(identifier, account, region);
  if (!mayUse(key, account, [operation])) throw notAllowed(request, operation, key);
  return key;
}

export function notAllowed({ account, region }: KmsRequest, operation: string, key: Key): AwsError {
  return new AwsError(
    'AccessDeniedException',
    `User: arn:${partitionOf(region)}:iam::${account}:user/simulated is not authorized to perform: kms:${operation} on resource: ${key.arn}`,
  );
}

function notFound(identifier: string, account: string, region: string): AwsError {
  const own = `arn:${partitionOf(region)}:kms:${region}:${account}`;
  if (identifier.startsWith('alias/'))
    return new AwsError('NotFoundException', `Alias ${own}:${identifier} is not found.`);
  const arn = identifier.startsWith('arn:') ? identifier : `${own}:key/${identifier}`;
  return new AwsError('NotFoundException', `Key '${arn}' does not exist`);
}
