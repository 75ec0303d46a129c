import type { JobState } from '../../src/domain/job.ts';
import type { Kill } from './kills.ts';
import { KILLS } from './kills.ts';
import type { Moment } from './moments.ts';
import { call, command, write, writeChange } from './moments.ts';
import type { Scenario } from './scenario.ts';
import { cancelInFlight, copy, expectShared, shareLater } from './scenes.ts';
import type { Scene } from './scenes.ts';
import type { Stage } from './stage.ts';
import { aftermath, pastTheLock } from './waits.ts';

/**
 * A process is paused (SIGSTOP) longer than its lock lasts, so that another one takes its step over and ends it; then
 * it goes on (SIGCONT) as if nothing had happened: its call comes late, its write is stale.
 */
interface Pause {
  name: string;
  scene: Scene;
  at: Moment;
  /** What somebody asks for while it lasts. */
  meanwhile?: Scene;
  /** What has to be so afterwards, besides what always has to. */
  expects?: Scene;
}

const ROW = 'a paused worker wakes after another took over';

/** How a job may end that is cancelled, overtaken or tried again at any point of it. */
const ANY_END: readonly JobState[] = ['succeeded', 'partial', 'failed', 'cancelled'];

const ask =
  (what: 'cancel' | 'retry'): Scene =>
  async (stage) => {
    const job = stage.subject.traffic.named(stage.subject.name);
    if (job === undefined) return;
    stage.expected.set(job.id, ANY_END);
    await stage.client.tryTo('POST', `/jobs/${job.id}/${what}`);
  };

const withdraw: Scene = async (stage) => {
  const { traffic, name } = stage.subject;
  for (const job of [traffic.named(name), traffic.changeOf(name)])
    if (job !== undefined) stage.expected.set(job.id, ANY_END);
  const { region, imageId } = stage.image;
  if (imageId === '') return;
  const job = await stage.client.tryTo('DELETE', `/amis/${imageId}/permissions?region=${region}`);
  if (job !== null) stage.expected.set(job.id, ['succeeded']);
};

const MEANWHILE: Readonly<Record<string, Scene>> = {
  'a cancel': ask('cancel'),
  'a retry': ask('retry'),
  'a DELETE': withdraw,
};

const beginsChange = writeChange(
  'reply',
  'worker',
  (after, before) => before?.state === 'queued' && after.state === 'running',
);

// prettier-ignore
const PAUSES: readonly Pause[] = [
  { name: 'paused before CopyImage', scene: copy, at: call('request', 'CopyImage') },
  { name: 'paused with the answer of CopyImage', scene: copy, at: call('reply', 'CopyImage') },
  { name: 'paused before it saves the image id', scene: copy, at: write('request', 'worker', (after, before) => before?.imageId === null && after.imageId !== null) },
  { name: 'paused before it saves `available`', scene: copy, at: write('request', 'worker', (after, before) => before?.state === 'pending' && after.state === 'available') },
  { name: 'paused before CopyImage, cancelled meanwhile', scene: cancelInFlight, at: call('request', 'CopyImage') },
  { name: 'paused between two permission calls', scene: shareLater, at: call('reply', 'ModifyImageAttribute'), expects: expectShared },
  { name: 'paused before a permission call, made private meanwhile', scene: shareLater, at: call('request', 'ModifyImageAttribute'), meanwhile: withdraw },
  { name: 'paused before it looks whether the change is still its own, made private meanwhile', scene: shareLater, at: afterwards(beginsChange, command('request', 'hmget')), meanwhile: withdraw },
  { name: 'paused after it looked whether the change is still its own, made private meanwhile', scene: shareLater, at: afterwards(beginsChange, command('reply', 'hmget')), meanwhile: withdraw },
];

/** The second moment, once the first has been seen. */
function afterwards(first: Moment, second: Moment): Moment {
  const seen = new WeakSet<object>();
  return (sighting, subject) => {
    if (first(sighting, subject)) seen.add(subject);
    return seen.has(subject) && second(sighting, subject);
  };
}

/** Where a process is killed it is paused too, and somebody asks for something meanwhile. */
const AT_KILL_POINTS: readonly Scenario[] = KILLS.map((kill) => ({
  row: ROW,
  name: `paused at ${kill.name}`,
  kind: 'pause',
  play: (stage) => playAtKillPoint(stage, kill),
}));

async function playAtKillPoint(stage: Stage, { at, scene, expects }: Kill): Promise<void> {
  const [meanwhile] = stage.random.some(['nothing', ...Object.keys(MEANWHILE)], 1);
  const over = Promise.withResolvers<void>();
  const trap = stage.pauseAt(at, over.promise);
  const whilePaused = async () => {
    await stage.sprung(trap, 1);
    await pastTheLock();
    // There is one API, and nothing is accepted without it.
    if (stage.stack.api.process.paused) over.resolve();
  };
  try {
    await Promise.all([scene(stage), whilePaused()]);
    await MEANWHILE[meanwhile ?? '']?.(stage);
    await stage.untilAllEnded();
  } finally {
    over.resolve();
  }
  await aftermath();
  if (meanwhile === 'nothing') await expects?.(stage);
}

export const PAUSE_SCENARIOS: readonly Scenario[] = [
  ...PAUSES.map(({ name, scene, at, meanwhile, expects }): Scenario => ({
    row: ROW,
    name,
    kind: 'pause',
    async play(stage) {
      const over = Promise.withResolvers<void>();
      const trap = stage.pauseAt(at, over.promise);
      try {
        await scene(stage);
        await stage.sprung(trap, 1);
        await meanwhile?.(stage);
        await stage.untilAllEnded();
      } finally {
        over.resolve();
      }
      await aftermath();
      await expects?.(stage);
    },
  })),
  ...AT_KILL_POINTS,
];
