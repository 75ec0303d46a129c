import { integer, text } from '../setting.ts';

/** Authentication, policy, rate limit and audit of the API. */
export const ACCESS = {
  AUTH: text({
    default: 'auto',
    pattern: '^(auto|none)$',
    description:
      'auto: API keys and tokens as configured below, and without either only loopback is admitted; none: no authentication, everybody may do everything',
  }),
  ALLOWED_HOSTS: text({
    default: '',
    pattern: '^[a-z0-9.:-]+(,[a-z0-9.:-]+)*$',
    description:
      'host names, without port, that requests may use besides localhost, separated by commas. If not set, every name is accepted, except on loopback without authentication, where only localhost is',
  }),
  TRUSTED_PROXIES: text({
    default: '',
    pattern: '^[0-9a-f.:]+(/[0-9]{1,3})?(,[0-9a-f.:]+(/[0-9]{1,3})?)*$',
    description:
      "addresses and CIDR ranges of the load balancers in front of the API, separated by commas: the address that they add to X-Forwarded-For counts as the caller's; if not set, that header is ignored",
  }),
  API_KEYS_FILE: text({
    default: '',
    pattern: '.',
    description: 'file of API keys, made by "npm run api-key"; if not set, no API keys are accepted',
  }),
  JWT_JWKS_URL: text({
    default: '',
    pattern: '^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])[:/])',
    description:
      "https:// address of the identity provider's keys (JWKS); if not set, no tokens are accepted",
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
      'policy file: which principal may copy which images where and share with whom; required when callers are authenticated',
  }),
  RATE_LIMIT: integer({
    default: 6000,
    minimum: 0,
    maximum: 1_000_000,
    description:
      'requests per minute and caller, over all API processes; a lineage counts as one for each of its calls, in every account and region; 0 is no limit',
  }),
  AUDIT_ENTRIES: integer({
    default: 100_000,
    minimum: 1000,
    maximum: 100_000_000,
    description: 'entries that the audit in Redis keeps, approximately; the log has all of them',
  }),
};
