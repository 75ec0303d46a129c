/**
 * The SDK's waiter by arithmetic: a look at once, then delays that grow from 15 s to 120 s, each anything between 15 s and
 * its bound; from the fifth on 120 s. Source: runPolling in @smithy/core (util-waiter), and the 15 and 120 s that
 * waitUntilImageAvailable of @aws-sdk/client-ec2 gives it.
 */
const MIN = 15;
const MAX = 120;
const CEILING = Math.log2(MAX / MIN) + 1;

export interface Wait {
  /** How often it looked, the last look included. */
  looks: number;
  /** Seconds from the image's being available until it was noticed. */
  late: number;
}

/** One waiter on a copy that takes so many seconds. */
export function sdkWaiter(copySeconds: number, random: () => number): Wait {
  let at = 0;
  let looks = 1;
  for (; at < copySeconds; looks += 1) {
    const bound = Math.min(MIN * 2 ** (looks - 1), MAX);
    at += looks > CEILING ? MAX : MIN + random() * (bound - MIN);
  }
  return { looks, late: at - copySeconds };
}

/** Looks of the AWS CLI's and boto3's waiter: at once, and every 15 s. */
export function cliWaiterCalls(copySeconds: number): number {
  return 1 + Math.ceil(copySeconds / MIN);
}

/** Looks that the SDK's waiter takes on average. */
export function meanWaiterCalls(copySeconds: number): number {
  const random = seeded(1);
  const tries = 10_000;
  let looks = 0;
  for (let i = 0; i < tries; i += 1) looks += sdkWaiter(copySeconds, random).looks;
  return looks / tries;
}

/** Random numbers from 0 to 1 that are the same each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
