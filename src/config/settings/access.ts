import { integer, text } from '../setting.ts';

/** Who may call the API, from where, how often, and what is kept of it. */
export const ACCESS = {
  AUTH: text({
    default: 'auto',
    pattern: '^(auto|none)$',
    description:
      'auto: API keys and tokens as configured below, and without either only on loopback; none: everybody may do everything',
  }),
  ALLOWED_HOSTS: text({
    default: '',
    pattern: '^[a-z0-9.:-]+(,[a-z0-9.:-]+)*$',
    description:
      'names, without port, by which the API may be called besides localhost, separated by commas. Where it is not set, every name is accepted, except on loopback without authentication, where only localhost is',
  }),
  TRUSTED_PROXIES: text({
    default: '',
    pattern: '^[0-9a-f.:]+(/[0-9]{1,3})?(,[0-9a-f.:]+(/[0-9]{1,3})?)*$',
    description:
      'addresses and CIDR ranges of the load balancers in front of the API, separated by commas: the caller is the address that they add to X-Forwarded-For; none without it',
  }),
  API_KEYS_FILE: text({
    default: '',
    pattern: '.',
    description: 'file of API keys, made by "npm run api-key"; no API keys without it',
  }),
  JWT_JWKS_URL: text({
    default: '',
    pattern: '^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])[:/])',
    description: "https:// address of the identity provider's keys (JWKS); no tokens without it",
  }),
  JWT_ISSUER: text({ default: '', pattern: '.', description: 'issuer (iss) that a token must have' }),
  JWT_AUDIENCE: text({ default: '', pattern: '.', description: 'audience (aud) that a token must have' }),
  JWT_ALGORITHMS: text({
    default: 'RS256,ES256',
    pattern:
      '^(RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA)(,(RS|PS|ES)(256|384|512)|,EdDSA)*$',
    description: 'signature algorithms that a token may have, separated by commas; asymmetric ones only',
  }),
  POLICY_FILE: text({
    default: '',
    pattern: '.',
    description:
      'file that says who may copy what where and share with whom; needed as soon as callers are authenticated',
  }),
  RATE_LIMIT: integer({
    default: 6000,
    minimum: 0,
    maximum: 1_000_000,
    description:
      'requests a minute that one caller may make, over all API processes; a lineage counts as one for each region that it asks; 0 is no limit',
  }),
  AUDIT_ENTRIES: integer({
    default: 100_000,
    minimum: 1000,
    maximum: 100_000_000,
    description: 'entries that the audit in Redis keeps, approximately; the log has all of them',
  }),
};
