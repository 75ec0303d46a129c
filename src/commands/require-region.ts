import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';

/** A region, and where in the request it stands, as a JSON pointer. */
export interface NamedRegion {
  region: string;
  pointer: string;
}

/**
 * Refuses regions that aren't configured, all at once, so that a caller's word never becomes a host name.
 * @throws {AmiferryError} `unknown-region`
 */
export function requireRegions(deps: Pick<CommandDeps, 'regions'>, named: readonly NamedRegion[]): void {
  const errors = named
    .filter(({ region }) => !deps.regions.includes(region))
    .map(({ region, pointer }) => ({
      pointer,
      message: `"${region}" is not a region that this service knows`,
    }));
  if (errors.length === 0) return;
  const all = errors.map(({ message }) => message).join('; ');
  throw new AmiferryError('unknown-region', `${all}. There are ${deps.regions.join(', ')}`, { errors });
}

/** {@link requireRegions} for one. */
export function requireRegion(deps: Pick<CommandDeps, 'regions'>, region: string, pointer: string): void {
  requireRegions(deps, [{ region, pointer }]);
}
