import { Type } from 'typebox';
import type { Tags } from '../../domain/ami.ts';
import { IMAGE_ID_PATTERN, IMAGE_NAME_PATTERN, IMAGE_NAME_RULE } from '../../domain/ami.ts';
import { ACCOUNT_PATTERN, KMS_KEY_PATTERN } from '../../domain/identifiers.ts';
import { JOB_ID_PATTERN } from '../../domain/job-id.ts';
import { REGION_PATTERN } from '../../domain/regions.ts';

/**
 * The single fields that callers send. `x-rule` describes the schema in words, and is the message when the field is
 * refused. Patterns refuse control characters, and lone surrogates, which no EC2 request can contain.
 */
const TEXT = '[^\\p{Cc}\\p{Cs}\\u2028\\u2029\\ufffe\\uffff]';

export const ImageId = Type.String({
  pattern: IMAGE_ID_PATTERN,
  description: 'Id of the image.',
  examples: ['ami-0a1b2c3d4e5f60001'],
  'x-rule': 'must be "ami-" and 8 or 17 hexadecimal digits, in small letters',
});

export const JobId = Type.String({
  pattern: JOB_ID_PATTERN,
  description: 'Id of the job, from the 202 that accepted it.',
  examples: ['019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10'],
  'x-rule': 'must be a UUID in small letters, as the 202 that accepted the job gave it',
});

export const Region = Type.String({
  pattern: REGION_PATTERN,
  maxLength: 32,
  description: 'AWS region.',
  examples: ['us-east-1'],
  'x-rule': 'must be the name of an AWS region in small letters, such as eu-west-1',
});

export const AccountId = Type.String({
  pattern: ACCOUNT_PATTERN,
  description: 'AWS account.',
  examples: ['111111111111'],
  'x-rule': 'must be an AWS account id: 12 digits',
});

export const DestinationName = Type.String({
  pattern: `^(?:[0-9]{12}/)?${REGION_PATTERN.slice(1)}`,
  maxLength: 45,
  description: 'A destination of a job: ACCOUNT/REGION, or its region if the job has only one there.',
  examples: ['111111111111/eu-west-1'],
  'x-rule': 'must be a region such as eu-west-1, or an account and a region such as 111111111111/eu-west-1',
});

export const ImageName = Type.String({
  pattern: IMAGE_NAME_PATTERN,
  description: `Name of the new image; the source's name by default. It ${IMAGE_NAME_RULE}.`,
  examples: ['golden-web-2026.11'],
  'x-rule': IMAGE_NAME_RULE,
});

export const Description = Type.String({
  maxLength: 255,
  pattern: `^${TEXT}*$`,
  description: "Description of the new image; the source's by default. At most 255 characters.",
  examples: ['Web server base image'],
  'x-rule': "must be at most 255 characters, none of them a control character or line break (EC2's limit)",
});

export const KmsKeyId = Type.String({
  pattern: KMS_KEY_PATTERN,
  maxLength: 2048,
  description:
    'KMS key of the destination region: key id, alias/…, key ARN or alias ARN. Implies "encrypted": true.',
  examples: ['alias/ami'],
  'x-rule': 'must be a KMS key id (a UUID or mrk-…), alias/NAME, or the ARN of a key or alias',
});

export const CompletionDurationMinutes = Type.Integer({
  minimum: 15,
  maximum: 2880,
  multipleOf: 15,
  description: 'Make a time-based copy: EC2 completes it within this many minutes, for an extra charge.',
  examples: [60],
  'x-rule': 'must be a multiple of 15 between 15 and 2880 (minutes)',
});

/** `aws:` is reserved by EC2 in any letter case, `amiferry:` by this service. EC2 allows 50 tags, three of which this service uses. */
const TAG_KEY = `^(?![aA][wW][sS]:)(?!amiferry:)${TEXT}{1,127}$`;

const TagKey = Type.String({
  pattern: TAG_KEY,
  'x-rule':
    'must be 1 to 127 characters without control characters, and may not begin with "aws:" or "amiferry:"',
});

const TagValue = Type.String({
  maxLength: 256,
  pattern: `^${TEXT}*$`,
  'x-rule': 'must be at most 256 characters, none of them a control character or line break',
});

// Not Type.Record: in the OpenAPI document its patternProperties would lack the rule for keys.
export const TagMap = Type.Unsafe<Tags>({
  type: 'object',
  propertyNames: TagKey,
  additionalProperties: TagValue,
  maxProperties: 47,
  description:
    'Tags for the new images and their snapshots: at most 47 (the 50 of EC2, less three of this service). Keys have 1 to 127 characters and may not begin with "aws:" or "amiferry:".',
  examples: [{ team: 'web' }],
  'x-rule': "must have at most 47 tags (EC2's 50, less three of this service)",
});
