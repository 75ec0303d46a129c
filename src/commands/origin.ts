import type { Claim } from '../store/idempotency.ts';

/** The data of a request that its job keeps. */
export interface Origin {
  /** Its Idempotency-Key. */
  claim: Claim | null;
  /** Its X-Request-Id. */
  requestId: string | null;
  /** Its trace (W3C traceparent). */
  traceparent: string | null;
}

/** The origin of commands without a request. */
export const NO_ORIGIN: Origin = { claim: null, requestId: null, traceparent: null };
