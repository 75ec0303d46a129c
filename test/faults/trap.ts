import { until } from '../helpers/waiting.ts';
import type { Sighting } from './wire/sightings.ts';
import type { Traffic } from './wire/traffic.ts';

export type When = (sighting: Sighting) => boolean;

const NEVER = new Promise<void>(() => {});

/**
 * Waits in the traffic for a moment, and does something to the process that is at it right then: what was seen is not
 * passed on before that is over (`spring` says when), so that the process is stopped at exactly this point.
 */
export class Trap {
  /** How often it was sprung. */
  hits = 0;
  readonly #unwatch: () => void;

  /**
   * @param times how often it is sprung before it is taken away
   * @param spring what happens; the message is held until its promise resolves, for good when it gives `'gone'`
   */
  constructor(
    traffic: Traffic,
    when: When,
    times: number,
    spring: (process: string) => Promise<void> | 'gone',
  ) {
    this.#unwatch = traffic.watch((sighting) => {
      if (this.hits >= times || !when(sighting)) return undefined;
      this.hits += 1;
      const held = spring(processAt(sighting));
      return held === 'gone' ? NEVER : held;
    });
  }

  /** Waits until it was sprung so often. @throws after `timeout` milliseconds */
  async sprung(hits: number, timeout: number): Promise<void> {
    await until(() => this.hits >= hits, timeout);
  }

  remove(): void {
    this.#unwatch();
  }
}

/** Between a caller and the API it is the API that is at it. */
function processAt({ link, process }: Sighting): string {
  return link === 'http' ? 'api' : process;
}
