import type { World } from '../state/world.ts';

/** One call, as an operation sees it. */
export interface SqsRequest {
  /** Asked anew at each use: a reset in the middle of a long poll begins a new world. */
  readonly world: () => World;
  readonly account: string;
  readonly region: string;
  /** Where the caller reached the simulator, for the URLs of new queues. */
  readonly origin: string;
  /** Aborted when the caller has hung up. */
  readonly gone: AbortSignal;
}
