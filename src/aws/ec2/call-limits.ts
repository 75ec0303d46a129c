/** A token bucket of calls: so many at once (burst), and so many more a second (rate). */
export interface CallLimit {
  burst: number;
  perSecond: number;
}

/** EC2's token buckets, for each account, region and operation (EC2 API reference, "Request throttling"). */
const LIMITS: Readonly<Record<string, CallLimit>> = {
  CopyImage: { burst: 100, perSecond: 1 },
  ModifyImageAttribute: { burst: 100, perSecond: 5 },
  ModifySnapshotAttribute: { burst: 100, perSecond: 5 },
  DeregisterImage: { burst: 100, perSecond: 5 },
  CreateTags: { burst: 100, perSecond: 10 },
};
const READING: CallLimit = { burst: 100, perSecond: 20 };
const CHANGING: CallLimit = { burst: 50, perSecond: 5 };

/** A call reaches EC2 some time after it was counted here. A few calls of each burst are reserved for that difference. */
const MARGIN = 0.97;

/** The part of each limit that requests which only read leave to requests that start work, and to the work itself. */
export const LEFT_BY_READS = 1 / 2;

/** How many calls of an operation this service makes in one scope. `share` is its share of EC2's own limit. */
export function callLimit(operation: string, share: number): CallLimit {
  const { burst, perSecond } =
    LIMITS[operation] ?? (/^(?:Describe|Get)/.test(operation) ? READING : CHANGING);
  return { burst: Math.max(1, burst * share * MARGIN), perSecond: perSecond * share };
}
