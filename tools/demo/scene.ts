import type { DemoClient } from './client.ts';
import type { Screen } from './screen.ts';

export interface Stage {
  client: DemoClient;
  screen: Screen;
  /** Aborted when the demo is to end early. */
  signal: AbortSignal;
}

/** One thing that the demo shows. `play` throws, with the reason, when it did not come out as it should. */
export interface Scene {
  title: string;
  play(stage: Stage): Promise<void>;
}
