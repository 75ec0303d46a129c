import { AwsError, invalidValue } from '../errors.ts';
import type { Parameters } from '../wire/parameters.ts';

/** Reads the values of a resource for each filter; a filter matches if any value does. */
export type FilterReaders<Resource> = ReadonlyMap<string, (resource: Resource) => readonly string[]>;

export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

const maxFilters = 50;
const maxValues = 200;

/** @throws AwsError FilterLimitExceeded over 50 filters or 200 values, InvalidParameterValue for one without values */
export function readFilters(parameters: Parameters): Filter[] {
  const filters = parameters
    .structures('Filter')
    .map((filter) => ({ name: filter.required('Name'), values: filter.texts('Value') }));
  if (filters.length > maxFilters) throw tooMany(`filters specified on a single call is ${maxFilters}`);
  for (const { name, values } of filters) {
    if (values.length === 0) throw invalidValue('Filter', name, 'A filter needs at least one value.');
    if (values.length > maxValues) throw tooMany(`filter values specified on a single call is ${maxValues}`);
  }
  return filters;
}

function tooMany(what: string): AwsError {
  return new AwsError('FilterLimitExceeded', `The maximum number of ${what}`);
}

/** EC2's wildcards: `*` for any characters, `?` for one; a backslash escapes the next one. */
function patternOf(value: string): string | undefined {
  if (!/[*?\\]/.test(value)) return undefined;
  return value.replace(/\\(.)|([\s\S])/g, (_, escaped: string | undefined, plain: string | undefined) => {
    if (plain === '*') return '[\\s\\S]*';
    if (plain === '?') return '[\\s\\S]';
    return (escaped ?? plain ?? '').replace(/[\^$.*+?()[\]{}|\\/]/g, '\\$&');
  });
}

function matcherOf(values: readonly string[]): (value: string) => boolean {
  const exact = new Set(values);
  const patterns = values.map(patternOf).filter((pattern) => pattern !== undefined);
  if (patterns.length === 0) return (value) => exact.has(value);
  const pattern = new RegExp(`^(?:${patterns.join('|')})$`);
  return (value) => exact.has(value) || pattern.test(value);
}

/**
 * Makes one test of all filters: each must match, by any of its values.
 * @throws AwsError InvalidParameterValue for a filter that the resource does not have
 */
export function compileFilters<Resource>(
  filters: readonly Filter[],
  readers: FilterReaders<Resource>,
  tagsOf: (resource: Resource) => ReadonlyMap<string, string>,
): (resource: Resource) => boolean {
  const tests = filters.map(({ name, values }) => {
    const read = readers.get(name) ?? tagReader(name, tagsOf);
    const matches = matcherOf(values);
    return (resource: Resource) => read(resource).some(matches);
  });
  return (resource) => tests.every((test) => test(resource));
}

function tagReader<Resource>(
  name: string,
  tagsOf: (resource: Resource) => ReadonlyMap<string, string>,
): (resource: Resource) => readonly string[] {
  if (name === 'tag-key') return (resource) => [...tagsOf(resource).keys()];
  if (!name.startsWith('tag:'))
    throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  const key = name.slice('tag:'.length);
  return (resource) => {
    const value = tagsOf(resource).get(key);
    return value === undefined ? [] : [value];
  };
}

/** The ids in a filter, if they have no wildcards, so that resources can be looked up instead of searched. */
export function exactValues(filters: readonly Filter[], name: string): readonly string[] | undefined {
  const values = filters.find((filter) => filter.name === name)?.values;
  return values?.some((value) => /[*?\\]/.test(value)) ? undefined : values;
}
