import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';

/**
 * Refuses a region that isn't configured, so that a caller's word never becomes a host name.
 * @param pointer where in the request it stands, as a JSON pointer
 */
export function requireRegion(deps: Pick<CommandDeps, 'regions'>, region: string, pointer: string): void {
  if (deps.regions.includes(region)) return;
  const message = `"${region}" is not a region that this service knows`;
  const errors = [{ pointer, message }];
  throw new AmiferryError('unknown-region', `${message}: ${deps.regions.join(', ')}`, { errors });
}
