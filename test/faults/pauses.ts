import type { Moment } from './moments.ts';
import { call, write } from './moments.ts';
import type { Scenario } from './scenario.ts';
import { cancelInFlight, copy, expectShared, shareLater } from './scenes.ts';
import type { Scene } from './scenes.ts';
import { aftermath } from './waits.ts';

/**
 * A worker is paused (SIGSTOP) longer than its lock lasts, so that another one takes its step over and ends it; then
 * it goes on (SIGCONT) as if nothing had happened: its call comes late, its write is stale.
 */
interface Pause {
  name: string;
  scene: Scene;
  at: Moment;
  /** What has to be so afterwards, besides what always has to. */
  expects?: Scene;
}

const ROW = 'a paused worker wakes after another took over';

// prettier-ignore
const PAUSES: readonly Pause[] = [
  { name: 'paused before CopyImage', scene: copy, at: call('request', 'CopyImage') },
  { name: 'paused with the answer of CopyImage', scene: copy, at: call('reply', 'CopyImage') },
  { name: 'paused before it saves the image id', scene: copy, at: write('request', 'worker', (after, before) => before?.imageId === null && after.imageId !== null) },
  { name: 'paused before it saves `available`', scene: copy, at: write('request', 'worker', (after, before) => before?.state === 'pending' && after.state === 'available') },
  { name: 'paused before CopyImage, cancelled meanwhile', scene: cancelInFlight, at: call('request', 'CopyImage') },
  { name: 'paused between two permission calls', scene: shareLater, at: call('reply', 'ModifyImageAttribute'), expects: expectShared },
];

export const PAUSE_SCENARIOS: readonly Scenario[] = PAUSES.map(({ name, scene, at, expects }) => ({
  row: ROW,
  name,
  kind: 'pause' as const,
  async play(stage) {
    const over = Promise.withResolvers<void>();
    const trap = stage.pauseAt(at, over.promise);
    await scene(stage);
    await stage.sprung(trap, 1);
    await stage.untilAllEnded();
    over.resolve();
    await aftermath();
    await expects?.(stage);
  },
}));
