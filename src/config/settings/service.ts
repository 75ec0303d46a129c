import { integer, text } from '../setting.ts';
import { AWS_REGIONS, REGION_PATTERN } from '../../domain/regions.ts';

/** {@link REGION_PATTERN} as part of a longer pattern. */
const REGION = REGION_PATTERN.slice(1, -1);

/** Address, Redis, logs and regions of the service. */
export const SERVICE = {
  HOST: text({ default: '127.0.0.1', pattern: '.', description: 'address the API listens on' }),
  PORT: integer({ default: 3000, minimum: 0, maximum: 65_535, description: 'port the API listens on' }),
  REDIS_URL: text({
    default: 'redis://127.0.0.1:6379',
    pattern: '^rediss?(\\+(cluster|sentinel))?://.+',
    description: 'address of Redis: redis://, redis+cluster:// or redis+sentinel://, with rediss over TLS',
  }),
  LOG_LEVEL: text({
    default: 'info',
    pattern: '^(trace|debug|info|warn|error|fatal|silent)$',
    description: 'least severe level that is logged: trace, debug, info, warn, error, fatal or silent',
  }),
  AWS_REGION: text({
    default: 'us-east-1',
    pattern: REGION_PATTERN,
    rule: 'must be the name of an AWS region, such as eu-west-1',
    description: 'region of an AMI when a request has no ?region=',
  }),
  QUEUE_PREFIX: text({
    default: '{amiferry}',
    pattern: '^\\{[A-Za-z0-9_-]+\\}$',
    description: 'prefix of every Redis key, in braces so that a cluster keeps them together',
  }),
  REGIONS: text({
    default: AWS_REGIONS.join(','),
    pattern: `^ *${REGION} *(, *${REGION} *)*$`,
    rule: 'must be names of AWS regions separated by commas, such as us-east-1, eu-west-1',
    description: 'regions that requests may name, separated by commas',
  }),
};
