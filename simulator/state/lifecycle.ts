/**
 * The life of an image or a snapshot. The state of a copy is a function of the clock, without timers.
 *
 *     copying ──(endsAt)──▶ final      settled: put there by a call (DisableImage) or by a test
 */
export type Lifecycle<State extends string> =
  | { readonly kind: 'settled'; readonly state: State; readonly message?: string | undefined }
  | {
      readonly kind: 'copying';
      readonly startedAt: number;
      readonly endsAt: number;
      readonly final: { readonly state: State; readonly message?: string | undefined };
    };

/** The state at a moment, as EC2 names it, with its reason if there is one. */
export function stateAt<State extends string>(
  lifecycle: Lifecycle<State>,
  now: number,
): { readonly state: State | 'pending'; readonly message?: string | undefined } {
  if (lifecycle.kind === 'settled') return lifecycle;
  return now < lifecycle.endsAt ? { state: 'pending' } : lifecycle.final;
}

/** The completed part, 0–1, up to the end of the copy, whatever its result. */
export function partDone(lifecycle: Lifecycle<string>, now: number): number {
  if (lifecycle.kind === 'settled') return 1;
  const { startedAt, endsAt } = lifecycle;
  return now >= endsAt ? 1 : (now - startedAt) / (endsAt - startedAt);
}
