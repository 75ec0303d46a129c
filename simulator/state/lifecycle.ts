/**
 * Where an image or a snapshot is in its life. A copy is not moved on by timers: its state is a function of the clock.
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

/** The state at that moment, in EC2's words, and why when there is a reason to give. */
export function stateAt<State extends string>(
  lifecycle: Lifecycle<State>,
  now: number,
): { readonly state: State | 'pending'; readonly message?: string | undefined } {
  if (lifecycle.kind === 'settled') return lifecycle;
  return now < lifecycle.endsAt ? { state: 'pending' } : lifecycle.final;
}

/** The part done, 0–1: it stops at the end, however the copy ends. */
export function partDone(lifecycle: Lifecycle<string>, now: number): number {
  if (lifecycle.kind === 'settled') return 1;
  const { startedAt, endsAt } = lifecycle;
  return now >= endsAt ? 1 : (now - startedAt) / (endsAt - startedAt);
}
