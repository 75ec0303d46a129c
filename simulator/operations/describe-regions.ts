import { AwsError } from '../errors.ts';
import { partitionOf, regions } from '../regions.ts';
import { compileFilters, readFilters } from '../state/filters.ts';
import { reads } from './operation.ts';

interface RegionDescription {
  readonly name: string;
  readonly status: string;
}

/** DescribeRegions: the enabled regions; with AllRegions also those that the account has not opted in to. */
export const describeRegions = reads(({ parameters, region }) => {
  const names = parameters.texts('RegionName');
  const unknown = names.filter((name) => !regions.has(name));
  if (unknown.length > 0)
    throw new AwsError('InvalidParameterValue', `Invalid region names: ${unknown.join(', ')}`);
  const all = parameters.boolean('AllRegions') === true;
  const matches = compileFilters(readFilters(parameters), readers, () => new Map());
  const wanted = [...regions]
    .filter(([name]) => partitionOf(name) === partitionOf(region))
    .map(([name, status]): RegionDescription => ({ name, status }))
    .filter(
      ({ name, status }) =>
        (all || status === 'opt-in-not-required') && (names.length === 0 || names.includes(name)),
    )
    .filter(matches);
  return {
    regionInfo: wanted.map(({ name, status }) => ({
      regionName: name,
      regionEndpoint: `ec2.${name}.amazonaws.com`,
      optInStatus: status,
    })),
  };
});

const readers = new Map<string, (region: RegionDescription) => readonly string[]>([
  ['region-name', (region) => [region.name]],
  ['opt-in-status', (region) => [region.status]],
  ['endpoint', (region) => [`ec2.${region.name}.amazonaws.com`]],
]);
