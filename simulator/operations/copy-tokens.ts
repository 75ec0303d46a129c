import { AwsError } from '../errors.ts';
import type { Scope, TokenMemory, World } from '../state/world.ts';
import type { Parameters } from '../wire/parameters.ts';

/** All parameters except the token, in an order independent of the client. */
export function fingerprintOf(parameters: Parameters): string {
  const entries = parameters.entries().filter(([name]) => name !== 'ClientToken');
  return JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Finds the image made with a token, even if it has been deregistered since; undefined if the token is new.
 * @throws AwsError IdempotentParameterMismatch if it was used with other parameters
 */
export function recall(scope: Scope, token: string, fingerprint: string, world: World): string | undefined {
  forget(scope, world.clock.now() - world.settings.tokenMemorySeconds * 1000);
  const memory = scope.tokens.get(token);
  if (memory === undefined) return undefined;
  if (memory.fingerprint !== fingerprint) {
    throw new AwsError(
      'IdempotentParameterMismatch',
      `The client token '${token}' was used before with other parameters`,
    );
  }
  return memory.imageId;
}

export function remember(scope: Scope, token: string, memory: TokenMemory): void {
  scope.tokens.set(token, memory);
}

/** Removes expired tokens. A map keeps insertion order, so the oldest come first. */
function forget(scope: Scope, before: number): void {
  for (const [token, { at }] of scope.tokens) {
    if (at > before) return;
    scope.tokens.delete(token);
  }
}
