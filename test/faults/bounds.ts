import { PATIENCE } from '../helpers/waiting.ts';

/** How long things may take, milliseconds. */
export interface Bounds {
  /** The moment that a round is about has to come within this. */
  moment: number;
  /** A job that has not ended this long after the disturbance never will. */
  stuck: number;
  /** A caller asks again and again for so long. */
  asking: number;
  /** The API says that Redis is away within this. */
  unavailable: number;
  /** A process that got SIGTERM has ended by itself within this. */
  ending: number;
}

/** What the service promises, on a machine that does little else: for `npm run faults`. */
export const PROMISED: Bounds = {
  moment: 20_000,
  stuck: 45_000,
  asking: 30_000,
  unavailable: 1000,
  ending: 10_000,
};

/** Only ends waits that would never end: for the test suite, whose machine may be busy with anything. */
export const PATIENT: Bounds = {
  moment: PATIENCE,
  stuck: PATIENCE,
  asking: PATIENCE,
  unavailable: PATIENCE,
  ending: PATIENCE,
};
