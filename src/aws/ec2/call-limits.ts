/** A bucket of calls: so many at once, and so many more a second. */
export interface CallLimit {
  burst: number;
  perSecond: number;
}

/** EC2's buckets, for an account, a region and an operation (EC2 API reference, "Request throttling"). */
const LIMITS: Readonly<Record<string, CallLimit>> = {
  CopyImage: { burst: 100, perSecond: 1 },
  ModifyImageAttribute: { burst: 100, perSecond: 5 },
  ModifySnapshotAttribute: { burst: 100, perSecond: 5 },
  DeregisterImage: { burst: 100, perSecond: 5 },
  CreateTags: { burst: 100, perSecond: 10 },
};
const READING: CallLimit = { burst: 100, perSecond: 20 };
const CHANGING: CallLimit = { burst: 50, perSecond: 5 };

/** A call reaches EC2 sooner or later after it was counted here: a few of each burst are left for that. */
const MARGIN = 0.97;

/** The part of each limit that requests which only read leave to those that start work, and to the work itself. */
export const LEFT_BY_READS = 1 / 2;

/** How many calls of an operation this service makes in one scope. `share` is its part of EC2's own limit. */
export function callLimit(operation: string, share: number): CallLimit {
  const { burst, perSecond } =
    LIMITS[operation] ?? (/^(?:Describe|Get)/.test(operation) ? READING : CHANGING);
  return { burst: Math.max(1, burst * share * MARGIN), perSecond: perSecond * share };
}
