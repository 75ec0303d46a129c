import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';

/** A region, and the JSON pointer to it in the request. */
export interface NamedRegion {
  region: string;
  pointer: string;
}

/**
 * Refuses, in one error, all regions that are not configured, so that text of a caller never becomes part of a host name.
 * @throws {AmiferryError} `unknown-region`
 */
export function requireRegions(deps: Pick<CommandDeps, 'regions'>, named: readonly NamedRegion[]): void {
  const errors = named
    .filter(({ region }) => !deps.regions.includes(region))
    .map(({ region, pointer }) => ({
      pointer,
      message: `"${region}" is not a region of this service (REGIONS)`,
    }));
  if (errors.length === 0) return;
  const all = errors.map(({ message }) => message).join('; ');
  throw new AmiferryError('unknown-region', `${all}. Use one of ${deps.regions.join(', ')}`, { errors });
}

/** {@link requireRegions} for one region. */
export function requireRegion(deps: Pick<CommandDeps, 'regions'>, region: string, pointer: string): void {
  requireRegions(deps, [{ region, pointer }]);
}
