import { integer, number, text } from '../setting.ts';
import { DEFAULT_QUOTAS } from '../../domain/sharing-rules.ts';

/** How the worker copies and shares: limits, poll intervals and time limits. */
export const COPYING = {
  COPY_SLOTS: integer({
    default: 100,
    minimum: 1,
    maximum: 10_000,
    description: 'copies at once into one region; further copies wait',
  }),
  MAX_SHAREES: integer({
    default: DEFAULT_QUOTAS.sharees,
    minimum: 1,
    maximum: 1_000_000,
    description:
      "EC2's quota of accounts, organizations and units that one image may be shared with in a region; set it to the account's value if AWS has raised it",
  }),
  MAX_PUBLIC_IMAGES: integer({
    default: DEFAULT_QUOTAS.publicImages,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "EC2's quota of public images of the account in a region; set it to the account's value if AWS has raised it",
  }),
  EC2_CALL_SHARE: number({
    default: 1,
    minimum: 0.01,
    maximum: 1000,
    description:
      "part of EC2's documented rate limits that this service uses: less than 1 if other software in the account calls EC2 too, more if AWS has raised the limits",
  }),
  POLL_SECONDS: number({
    default: 5,
    minimum: 0.05,
    maximum: 300,
    description:
      'shortest interval in seconds between two polls of the pending copies of a region; older copies are polled less often, at up to six times that interval',
  }),
  EVENTS_QUEUE_URL: text({
    default: '',
    pattern: '^https?://[^/\\s@]+(?:/[^/\\s]+)*/[0-9]{12}/[A-Za-z0-9_-]{1,80}(?:\\.fifo)?$',
    description:
      "address of the SQS queue that receives EC2's own image events; without it, copies are only polled",
  }),
  EVENTS_POLL_SECONDS: number({
    default: 30,
    minimum: 0.05,
    maximum: 300,
    description: 'seconds between two polls while events are received',
  }),
  SWEEP_SECONDS: number({
    default: 5,
    minimum: 0.1,
    maximum: 300,
    description: 'seconds between two sweeps, which wake unfinished work whose wake-up was lost',
  }),
  SLOT_RETRY_SECONDS: number({
    default: 30,
    minimum: 0.1,
    maximum: 3600,
    description:
      'seconds before a region that EC2 reported as full is tried again, unless a copy of this service there ends before',
  }),
  LOST_COPY_SECONDS: number({
    default: 300,
    minimum: 1,
    maximum: 3600,
    description: 'seconds for which EC2 may report a new image as NotFound before its copy counts as lost',
  }),
  CREDENTIALS_SECONDS: number({
    default: 3600,
    minimum: 1,
    maximum: 86_400,
    description:
      "seconds for which an account may refuse the service's credentials before the work that waits for them fails",
  }),
  TOKEN_TRUST_SECONDS: number({
    default: 600,
    minimum: 0.1,
    maximum: 86_400,
    description:
      'seconds after which a CopyImage call without an answer is searched for by its tag before it is repeated',
  }),
  WEDGED_SECONDS: number({
    default: 60,
    minimum: 1,
    maximum: 3600,
    description:
      'seconds after which a worker exits, so that it is restarted, when steps wait and none is run; ten times as long for one step that does not end, twice as long for one poll of a region',
  }),
  RETRY_SECONDS: number({
    default: 900,
    minimum: 1,
    maximum: 86_400,
    description: 'seconds for which transient EC2 errors (5xx, time-outs) are retried',
  }),
  WORKER_CONCURRENCY: integer({
    default: 20,
    minimum: 1,
    maximum: 500,
    description: 'steps that one worker runs at once',
  }),
  WORKER_HEALTH_PORT: integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: "port of the worker's own /health; 0 is none",
  }),
};
