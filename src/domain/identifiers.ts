/** The forms of AWS ids and ARNs: for request bodies, and for the policy that is compared with them. */

export const ACCOUNT_PATTERN = '^[0-9]{12}$';

export const ORGANIZATION_PATTERN =
  '^arn:aws[a-z-]{0,20}:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}$';

export const UNIT_PATTERN =
  '^arn:aws[a-z-]{0,20}:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}$';

const KEY_ID = '(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})';
const KEY_ALIAS = 'alias/[a-zA-Z0-9/_-]{1,250}';

/** Key id, alias, or the ARN of either. */
export const KMS_KEY_PATTERN = `^(?:${KEY_ID}|${KEY_ALIAS}|arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{1,32}:[0-9]{12}:(?:key/${KEY_ID}|${KEY_ALIAS}))$`;

/** A group of accounts (ACCOUNTS_FILE), without the ends of the text. */
export const GROUP_NAME = '[a-z0-9][a-z0-9-]{0,62}';
