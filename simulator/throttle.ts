import { AwsError } from './errors.ts';
import type { Scope } from './state/world.ts';

interface Bucket {
  readonly burst: number;
  /** Tokens a simulated second. */
  readonly refill: number;
}

/** EC2's request token buckets, per account and region (EC2 user guide, "Request throttling"). */
const buckets: ReadonlyMap<string, Bucket> = new Map([
  ['CopyImage', { burst: 100, refill: 1 }],
  ['ModifyImageAttribute', { burst: 100, refill: 5 }],
  ['ModifySnapshotAttribute', { burst: 100, refill: 5 }],
  ['DeregisterImage', { burst: 100, refill: 5 }],
  ['CreateTags', { burst: 100, refill: 10 }],
]);
const otherMutating: Bucket = { burst: 50, refill: 5 };
const reading: Bucket = { burst: 100, refill: 20 };

/** @throws AwsError RequestLimitExceeded if the action's bucket is empty */
export function takeToken(scope: Scope, action: string, mutates: boolean, now: number): void {
  const { burst, refill } = buckets.get(action) ?? (mutates ? otherMutating : reading);
  const bucket = scope.buckets.get(action) ?? { tokens: burst, at: now };
  const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * refill);
  if (tokens < 1) {
    scope.buckets.set(action, { tokens, at: now });
    throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.');
  }
  scope.buckets.set(action, { tokens: tokens - 1, at: now });
}
