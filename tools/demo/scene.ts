import type { DemoClient } from './client.ts';
import type { Screen } from './screen.ts';

export interface Stage {
  client: DemoClient;
  screen: Screen;
  /** Aborted when the demo is to end early. */
  signal: AbortSignal;
}

/** One part of the demo. `play` throws with the reason if the result is not as expected. */
export interface Scene {
  title: string;
  play(stage: Stage): Promise<void>;
}
