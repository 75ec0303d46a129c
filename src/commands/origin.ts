import type { Claim } from '../store/idempotency.ts';

/** The request behind a command: what its job keeps of it. */
export interface Origin {
  /** Its Idempotency-Key. */
  claim: Claim | null;
  /** Its X-Request-Id. */
  requestId: string | null;
  /** Its trace (W3C traceparent). */
  traceparent: string | null;
}

/** For commands that no request asks for. */
export const NO_ORIGIN: Origin = { claim: null, requestId: null, traceparent: null };
