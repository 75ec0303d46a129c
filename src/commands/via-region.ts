import type { Image, Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { CopySpec } from '../domain/job.ts';
import type { CopyRequest } from './copy-spec.ts';
import { specOf } from './copy-spec.ts';
import type { NamedScope } from './require-account.ts';

/**
 * Where copies are made that others are made of, with the pointers to the region in the request: before the image is read. A destination
 * that the request names there itself is left out.
 */
export function hubScopes(
  { via }: CopyRequest,
  source: Scope,
  destinations: readonly NamedScope[],
): NamedScope[] {
  if (via !== 'region') return [];
  const named = new Set(destinations.map(scopeKey));
  const hubs = new Map<string, NamedScope>();
  for (const { account, region, pointers } of destinations) {
    const hub = { account: source.account, region };
    if (account === source.account || region === source.region || named.has(scopeKey(hub))) continue;
    hubs.set(region, { ...hub, pointers: { account: pointers.region, region: pointers.region } });
  }
  return [...hubs.values()];
}

/**
 * With `"via": "region"` the copies into other accounts are made of a copy in their region, in the source's account: the hub. A destination that
 * the request names there is the hub; else one is added. In the source's own region the copies are made of the source.
 * @throws {AmiferryError} those of {@link specOf}, for an added hub
 */
export function withHubs(request: CopyRequest, specs: readonly CopySpec[], image: Image): CopySpec[] {
  if (request.via !== 'region') return [...specs];
  const isSpoke = ({ account, region }: CopySpec) => account !== image.account && region !== image.region;
  const regions = new Set(specs.filter(isSpoke).map(({ region }) => region));
  const own = specs.filter(({ account }) => account === image.account);
  const named = new Set(own.map(({ region }) => region));
  const added = [...regions]
    .filter((region) => !named.has(region))
    .map((region): CopySpec => {
      const spec = specOf(request, { account: image.account, region, at: '' }, image);
      return { ...spec, isAddedHub: true };
    });
  const spokes = specs.map((spec) =>
    isSpoke(spec) ? { ...spec, hub: scopeKey({ account: image.account, region: spec.region }) } : spec,
  );
  return [...added, ...spokes];
}

/** The accounts that a hub has to be shared with while copies are made of it. */
export function accountsOfHub(specs: readonly CopySpec[], hub: CopySpec): string[] {
  const key = scopeKey(hub);
  return specs.filter((spec) => spec.hub === key).map(({ account }) => account);
}
