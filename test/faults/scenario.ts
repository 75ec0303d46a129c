import type { Stage } from './stage.ts';

/** One thing that goes wrong, in one round. */
export interface Scenario {
  /** Named as in the table of results. */
  name: string;
  /** The row of the crash points or of the faults that it stands for. */
  row: string;
  kind: 'kill' | 'pause' | 'fault';
  /** Brings about the moment and what goes wrong then. It throws where the moment never came. */
  play(stage: Stage): Promise<void>;
}
