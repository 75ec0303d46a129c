/**
 * The simulator's own time, in milliseconds since the epoch. Everything that depends on time (copies, tokens, buckets,
 * delays of effect) is computed from it when asked for, so no timer exists per copy and a day can pass in a minute.
 */
export interface Clock {
  /** Simulated milliseconds since the epoch. Never goes backwards. */
  now(): number;
  /** Jumps ahead by this many simulated seconds. */
  advance(seconds: number): void;
  /** Simulated seconds per real second from now on; what has passed stays as it was. */
  setSpeed(speed: number): void;
}

/** A clock that starts at the real time and runs `speed` times as fast. */
export function createClock(speed: number): Clock {
  let rate = speed;
  let simulatedBase = Date.now();
  let realBase = performance.now();
  const now = (): number => Math.floor(simulatedBase + (performance.now() - realBase) * rate);

  function rebase(simulated: number): void {
    simulatedBase = simulated;
    realBase = performance.now();
  }

  return {
    now,
    advance: (seconds) => rebase(now() + seconds * 1000),
    setSpeed(next) {
      rebase(now());
      rate = next;
    },
  };
}
