import { AwsError } from '../errors.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { XmlValue } from '../wire/xml.ts';

const maxTags = 50;
const reserved = 'aws:';
/** Accounts with which an image is shared see and copy its tags with this prefix (since October 2026). */
const shared = 'ec2:SharedTag/';

type Tags = ReadonlyMap<string, string>;

/** @throws AwsError InvalidParameterValue for a reserved, empty or too long key or a too long value */
export function readTags(members: readonly Parameters[]): Map<string, string> {
  const tags = new Map<string, string>();
  for (const member of members) {
    const key = member.required('Key');
    const value = member.text('Value') ?? '';
    if (key.toLowerCase().startsWith(reserved)) {
      throw new AwsError(
        'InvalidParameterValue',
        `Value (${key}) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
      );
    }
    if (key.length > 127)
      throw new AwsError('InvalidParameterValue', 'Tag key exceeds the maximum length of 127 characters');
    if (value.length > 256)
      throw new AwsError('InvalidParameterValue', 'Tag value exceeds the maximum length of 256 characters');
    if (tags.has(key)) throw new AwsError('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
    tags.set(key, value);
  }
  return tags;
}

/** @throws AwsError TagLimitExceeded over 50 tags */
export function mergeTags(tags: Tags, added: Tags): Map<string, string> {
  const merged = new Map([...tags, ...added]);
  if (merged.size > maxTags)
    throw new AwsError(
      'TagLimitExceeded',
      `The maximum number of Tags for a resource has been reached: ${maxTags}`,
    );
  return merged;
}

interface Tagged {
  readonly ownerId: string;
  readonly tags: Tags;
}

/** The tags that an account sees: all of its own resources, only the shared ones of others. */
export function visibleTags(resource: Tagged, account: string): Tags {
  if (resource.ownerId === account) return resource.tags;
  return new Map([...resource.tags].filter(([key]) => key.startsWith(shared)));
}

/** The tags that CopyImageTags copies for an account. */
export function copyableTags(resource: Tagged, account: string): Tags {
  return new Map([...visibleTags(resource, account)].filter(([key]) => !key.startsWith(reserved)));
}

/** A tagSet; undefined without tags, for which EC2 has no element. */
export function tagSet(tags: Tags): XmlValue {
  return tags.size === 0 ? undefined : [...tags].map(([key, value]) => ({ key, value }));
}
