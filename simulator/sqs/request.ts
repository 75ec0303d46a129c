import type { World } from '../state/world.ts';

/** One call, as passed to an operation. */
export interface SqsRequest {
  /** A function, since a reset during a long poll replaces the world. */
  readonly world: () => World;
  readonly account: string;
  readonly region: string;
  /** The address at which the caller reached the simulator, for the URLs of new queues. */
  readonly origin: string;
  /** Aborted when the caller has disconnected. */
  readonly gone: AbortSignal;
}
