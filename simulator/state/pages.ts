import { AwsError, invalidValue } from '../errors.ts';
import type { Parameters } from '../wire/parameters.ts';

/** The most resources of one page. */
const pageCap = 1000;

export interface Page<Resource> {
  readonly members: Resource[];
  /** Empty on the last page, as EC2 sends it. */
  readonly nextToken: string;
}

interface Sequenced {
  readonly sequence: number;
}

/**
 * Selects one page of resources, which are sorted by their sequence, so that a deletion between two pages neither skips nor
 * repeats one.
 * @throws AwsError InvalidParameterValue for an invalid MaxResults or NextToken
 */
export function pageOf<Resource extends Sequenced>(
  resources: Iterable<Resource>,
  parameters: Parameters,
): Page<Resource> {
  const size = pageSize(parameters);
  const after = startOf(parameters.text('NextToken'));
  const members: Resource[] = [];
  for (const resource of resources) {
    if (resource.sequence <= after) continue;
    const last = members.at(-1);
    if (members.length === size && last !== undefined) return { members, nextToken: tokenFor(last) };
    members.push(resource);
  }
  return { members, nextToken: '' };
}

function pageSize(parameters: Parameters): number {
  const asked = parameters.integer('MaxResults') ?? pageCap;
  if (asked < 1) throw invalidValue('MaxResults', String(asked), 'Expected a positive number.');
  return Math.min(asked, pageCap);
}

function tokenFor(last: Sequenced): string {
  return Buffer.from(`after:${last.sequence}`).toString('base64');
}

function startOf(token: string | undefined): number {
  if (token === undefined || token === '') return 0;
  const sequence = /^after:(\d+)$/.exec(Buffer.from(token, 'base64').toString())?.[1];
  if (sequence === undefined) throw new AwsError('InvalidParameterValue', 'Invalid value for NextToken');
  return Number(sequence);
}
