import { AwsError } from '../errors.ts';
import { mergeTags, readTags } from '../state/tags.ts';
import type { Parameters } from '../wire/parameters.ts';

/** The resources that CopyImage makes and can tag. */
export interface CopyTags {
  image: Map<string, string>;
  snapshot: Map<string, string>;
}

/**
 * The requested tags, by resource type.
 * @throws AwsError InvalidParameterValue for any other type
 */
export function readTagSpecifications(parameters: Parameters): CopyTags {
  const tags: CopyTags = { image: new Map(), snapshot: new Map() };
  for (const specification of parameters.structures('TagSpecification')) {
    const type = specification.required('ResourceType');
    if (type !== 'image' && type !== 'snapshot') {
      throw new AwsError(
        'InvalidParameterValue',
        `'${type}' is not a valid taggable resource type for this operation.`,
      );
    }
    tags[type] = mergeTags(tags[type], readTags(specification.structures('Tag')));
  }
  return tags;
}
