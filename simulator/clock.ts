/**
 * The simulated time, in milliseconds since the epoch. Everything that depends on time (copies, tokens, buckets, delayed
 * effects) is calculated from it on demand. So copies need no timers, and a day can pass in a minute.
 */
export interface Clock {
  /** Simulated milliseconds since the epoch, which never decrease. */
  now(): number;
  /** Jumps ahead by this many simulated seconds. */
  advance(seconds: number): void;
  /** Sets the simulated seconds per real second from now on. */
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
