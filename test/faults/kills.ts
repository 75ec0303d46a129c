import type { Destination, PermissionsJob } from '../../src/domain/job.ts';
import type { Moment } from './moments.ts';
import {
  answer,
  call,
  command,
  onceAsked,
  queue,
  taken,
  leaseTaken,
  write,
  writeChange,
  writeHold,
} from './moments.ts';
import type { Scenario } from './scenario.ts';
import type { Scene } from './scenes.ts';
import * as scenes from './scenes.ts';

/**
 * Where a process is killed: each row of the table of crash points has its entries, each an exact moment in the traffic
 * between the processes. To add one is to add an entry.
 */
export interface Kill {
  row: string;
  name: string;
  /** What callers do, so that it comes to that. */
  scene: Scene;
  at: Moment;
  /** Whether whoever takes the step over comes by the same moment again, so that it can be killed twice in a row. */
  again?: true;
  /** What has to be so afterwards, besides what always has to. */
  expects?: Scene;
}

type Change = (after: Destination, before: Destination | undefined) => boolean;

const intended: Change = (after, before) => before?.startedAt === null && after.startedAt !== null;
const gotImage: Change = (after, before) => before?.imageId === null && after.imageId !== null;
const reached =
  (state: Destination['state']): Change =>
  (after, before) =>
    before !== undefined && before.state !== state && after.state === state;
const removed: Change = (after, before) => before?.stopping !== null && after.stopping === null;
const stoppedMaking: Change = (after, before) =>
  before?.imageState !== 'deregistered' && after.imageState === 'deregistered' && after.stopping !== null;

const takesAway = ({ form }: { form: URLSearchParams }) =>
  [...form.keys()].some((name) => name.includes('.Remove.'));
const changeReached =
  (state: PermissionsJob['state']) => (after: PermissionsJob, before: PermissionsJob | undefined) =>
    before !== undefined && before.state !== state && after.state === state;

const NOTHING = 'before the record is written';
const NOT_ENQUEUED = 'record written, not enqueued, or not answered';
const NOT_CALLED = 'intent written, CopyImage not called';
const NOT_SAVED = 'CopyImage in flight, or answered and not saved';
const NOT_TRACKED = 'image id saved, tracking not scheduled';
const FORGOTTEN = 'intent older than the token may live';
const GRANTED = 'KMS grant made, not saved';
const AVAILABLE = '`available` seen, not saved';
const BETWEEN = 'between two permission calls, two tag calls';
const FINISHED = 'finished, BullMQ job not acknowledged';
const REMOVAL = 'a copy taken down: between any two calls (cancel, rollback, retry)';
const SLOTS = 'waiting for a copy slot or a call';
const HEARD = "EC2's own events: an event taken, nothing done about it";
const HOLDS = 'a hold given and not saved, copy called, hold taken back half';
const WAKE_UPS = 'wake-ups: the queue itself';

const {
  copy,
  copyHeard,
  copyThrice,
  copyVia,
  copyThrottled,
  copyTokenForgotten,
  expectShared,
  share,
  shareLater,
  withdraw,
  expectPrivate,
  copyUntagged,
  cancelAbroad,
  cancelPending,
  cancelSlowly,
  copyAbroad,
  putAbroad,
  cancelInFlight,
  rollback,
  retry,
  full,
} = scenes;

// prettier-ignore
export const KILLS: readonly Kill[] = [
  { row: NOTHING, name: 'API: record not written', scene: copy, at: write('request', 'api', (_, before) => before === undefined), again: true },
  { row: NOT_ENQUEUED, name: 'API: record written, answer of Redis not heard', scene: copy, at: write('reply', 'api', (_, before) => before === undefined) },
  { row: NOT_ENQUEUED, name: 'API: record written, not answered', scene: copy, at: answer(/copies/, 202), again: true },
  { row: NOT_ENQUEUED, name: 'API: record written, step not enqueued', scene: copy, at: queue('request', 'addStandardJob', 'start-copies') },
  { row: NOT_ENQUEUED, name: 'API: cancel written, not answered', scene: cancelPending, at: write('reply', 'api', (after, before) => before?.stopping === null && after.stopping !== null) },
  { row: NOT_ENQUEUED, name: 'API: retry written, not answered', scene: retry, at: write('reply', 'api', (after, before) => after.attempts > (before?.attempts ?? 9)) },

  { row: NOT_CALLED, name: 'start-copies: taken off the queue, record not read', scene: copy, at: taken('start-copies'), again: true },
  { row: NOT_CALLED, name: 'start-copies: intent not written', scene: copy, at: write('request', 'worker', intended), again: true },
  { row: NOT_CALLED, name: 'start-copies: three intents written, CopyImage not called', scene: copyThrice, at: write('reply', 'worker', intended) },
  { row: NOT_CALLED, name: 'start-copies: intent written, CopyImage not called', scene: copy, at: call('request', 'CopyImage'), again: true },
  { row: NOT_SAVED, name: 'start-copies: CopyImage answered, not saved', scene: copy, at: call('reply', 'CopyImage', ({ status }) => status === 200), again: true },
  { row: NOT_SAVED, name: 'start-copies: one of three answered, none saved', scene: copyThrice, at: call('reply', 'CopyImage', ({ status }) => status === 200), again: true },
  { row: NOT_SAVED, name: 'start-copies: image id in hand, write not sent', scene: copy, at: write('request', 'worker', gotImage), again: true },
  { row: NOT_SAVED, name: 'start-copies: ids in hand of three images, write not sent', scene: copyThrice, at: write('request', 'worker', gotImage), again: true },
  { row: FORGOTTEN, name: 'start-copies: CopyImage answered, not saved, token forgotten', scene: copyTokenForgotten, at: call('reply', 'CopyImage', ({ status }) => status === 200) },
  { row: NOT_TRACKED, name: 'start-copies: image id saved, step not over', scene: copy, at: write('reply', 'worker', gotImage) },
  { row: NOT_CALLED, name: 'start-copy: taken off the queue, record not read', scene: full, at: taken('start-copy'), again: true },
  { row: NOT_TRACKED, name: 'tick: due regions taken, tracking not queued', scene: copy, at: command('reply', 'amiferryTakeDue', (found) => found.length > 0), again: true },

  { row: AVAILABLE, name: 'track-region: described, nothing saved', scene: copy, at: call('reply', 'DescribeImages', ({ body }) => body.includes('<imageState>available')), again: true },
  { row: AVAILABLE, name: 'track-region: available seen, not saved', scene: copy, at: write('request', 'worker', reached('available')), again: true },
  { row: AVAILABLE, name: 'track-region: available saved, finish-copy not enqueued', scene: copy, at: queue('request', 'addStandardJob', 'finish-copy') },
  { row: BETWEEN, name: 'finish-copy: tags missing, CreateTags not called', scene: copyUntagged, at: call('request', 'CreateTags'), again: true },
  { row: BETWEEN, name: 'finish-copy: tags made, not saved', scene: copyUntagged, at: call('reply', 'CreateTags'), again: true },
  { row: GRANTED, name: 'finish-copy: KMS grant made, not saved', scene: share, at: call('reply', 'CreateGrant'), expects: expectShared },
  { row: BETWEEN, name: 'finish-copy: image shared, snapshots not', scene: share, at: call('reply', 'ModifyImageAttribute'), expects: expectShared },
  { row: BETWEEN, name: 'finish-copy: one snapshot shared, the next one not', scene: share, at: call('reply', 'ModifySnapshotAttribute'), again: true, expects: expectShared },
  { row: NOT_ENQUEUED, name: 'API: change of permissions written, not answered', scene: shareLater, at: writeChange('reply', 'api', (_, before) => before === undefined), expects: expectShared },
  { row: BETWEEN, name: 'apply-permissions: as it was read, not saved', scene: shareLater, at: writeChange('request', 'worker', changeReached('running')), again: true, expects: expectShared },
  { row: BETWEEN, name: 'apply-permissions: as it was saved, nothing called', scene: shareLater, at: call('request', 'ModifyImageAttribute'), again: true, expects: expectShared },
  { row: BETWEEN, name: 'apply-permissions: image shared, snapshots not', scene: shareLater, at: call('reply', 'ModifyImageAttribute'), expects: expectShared },
  { row: BETWEEN, name: 'apply-permissions: one snapshot shared, the next one not', scene: shareLater, at: call('reply', 'ModifySnapshotAttribute'), again: true, expects: expectShared },
  { row: GRANTED, name: 'apply-permissions: KMS grant made, not saved', scene: shareLater, at: call('reply', 'CreateGrant'), expects: expectShared },
  { row: BETWEEN, name: 'apply-permissions: taken from one snapshot, not from the next one', scene: withdraw, at: call('reply', 'ModifySnapshotAttribute', takesAway), again: true, expects: expectPrivate },
  { row: BETWEEN, name: 'apply-permissions: image private, grant not revoked', scene: withdraw, at: call('reply', 'ModifyImageAttribute', takesAway), expects: expectPrivate },
  { row: GRANTED, name: 'apply-permissions: grant revoked, not saved', scene: withdraw, at: call('reply', 'RevokeGrant'), expects: expectPrivate },
  { row: FINISHED, name: 'apply-permissions: end not written', scene: shareLater, at: writeChange('request', 'worker', changeReached('succeeded')), again: true, expects: expectShared },
  { row: FINISHED, name: 'finish-copy: end not written', scene: copy, at: write('request', 'worker', reached('succeeded')), again: true },
  { row: FINISHED, name: 'finish-copy: finished, BullMQ job not acknowledged', scene: copy, at: queue('request', 'moveToFinished', 'finish-copy'), again: true },

  { row: REMOVAL, name: 'cancel: CopyImage not called yet', scene: cancelInFlight, at: call('request', 'CopyImage'), again: true },
  { row: REMOVAL, name: 'cancel: CopyImage answered, not saved', scene: cancelInFlight, at: call('reply', 'CopyImage', ({ status }) => status === 200), again: true },
  { row: REMOVAL, name: 'cancel: DeregisterImage not called', scene: cancelPending, at: call('request', 'DeregisterImage'), again: true },
  { row: REMOVAL, name: 'cancel: deregistered, not saved', scene: cancelPending, at: call('reply', 'DeregisterImage') },
  { row: REMOVAL, name: 'cancel: deregistration saved, snapshots not looked for', scene: cancelPending, at: write('reply', 'worker', stoppedMaking) },
  { row: REMOVAL, name: 'cancel: all removed, not saved', scene: cancelPending, at: write('request', 'worker', removed), again: true },
  { row: REMOVAL, name: 'rollback: failure written, removal of the other copy not enqueued', scene: rollback, at: queue('request', 'addStandardJob', 'remove-copy') },
  { row: REMOVAL, name: 'rollback: DeregisterImage not called', scene: rollback, at: call('request', 'DeregisterImage'), again: true },
  { row: REMOVAL, name: 'rollback: one snapshot deleted, the next one not', scene: rollback, at: call('reply', 'DeleteSnapshot') },
  { row: REMOVAL, name: 'retry: failed attempt not deregistered', scene: retry, at: call('request', 'DeregisterImage'), again: true },
  { row: REMOVAL, name: 'retry: failed attempt half removed', scene: retry, at: call('reply', 'DeleteSnapshot') },

  { row: SLOTS, name: 'slots: ResourceLimitExceeded answered, not parked', scene: full, at: call('reply', 'CopyImage', ({ body }) => body.includes('ResourceLimitExceeded')), again: true },
  { row: SLOTS, name: 'calls: RequestLimitExceeded answered, not parked', scene: copyThrottled, at: call('reply', 'CopyImage', ({ body }) => body.includes('RequestLimitExceeded')) },
  { row: SLOTS, name: 'slots: parked, step not over', scene: full, at: write('reply', 'worker', reached('waiting')) },
  { row: SLOTS, name: 'slots: slot free, next in line not woken', scene: full, at: command('reply', 'amiferryNextWaiting', (found) => found.length > 0), again: true },

  { row: HEARD, name: 'event: received, not noted down', scene: copyHeard, at: onceAsked(command('request', 'amiferryHint')) },
  { row: HEARD, name: 'event: noted down, poll not queued', scene: copyHeard, at: onceAsked(command('reply', 'amiferryHint', (known) => known.length > 0)) },
  { row: HEARD, name: 'track-region: what EC2 reported taken, not polled', scene: copyHeard, at: onceAsked(command('reply', 'amiferryTakeEventHints', (taken) => taken.length > 0)) },

  { row: HOLDS, name: 'hold-source: taken off the queue, record not read', scene: copyAbroad, at: taken('hold-source'), again: true },
  { row: HOLDS, name: 'hold-source: saved what is to be given, nothing given', scene: copyAbroad, at: call('request', 'CreateGrant'), again: true },
  { row: HOLDS, name: 'hold-source: grant made, image not shared', scene: copyAbroad, at: call('reply', 'CreateGrant') },
  { row: HOLDS, name: 'hold-source: image shared, snapshots not', scene: copyAbroad, at: call('reply', 'ModifyImageAttribute') },
  { row: HOLDS, name: 'hold-source: one snapshot shared, the next one not', scene: copyAbroad, at: call('reply', 'ModifySnapshotAttribute'), again: true },
  { row: HOLDS, name: 'hold-source: all given, not saved', scene: copyAbroad, at: writeHold('request', 'held'), again: true },
  { row: HOLDS, name: 'hold-source: held, copies not enqueued', scene: copyAbroad, at: writeHold('reply', 'held') },
  { row: HOLDS, name: 'start-copies: CopyImage of another account answered, not saved', scene: copyAbroad, at: call('reply', 'CopyImage', ({ status }) => status === 200), again: true },
  { row: HOLDS, name: 'hold-source: taken from one snapshot, not from the next one', scene: copyAbroad, at: call('reply', 'ModifySnapshotAttribute', takesAway), again: true },
  { row: HOLDS, name: 'hold-source: image private, grant not revoked', scene: cancelAbroad, at: call('reply', 'ModifyImageAttribute', takesAway) },
  { row: HOLDS, name: 'hold-source: grant revoked, not saved', scene: putAbroad, at: call('reply', 'RevokeGrant') },
  { row: HOLDS, name: 'hold-source: all taken back, not saved', scene: putAbroad, at: writeHold('request', 'released'), again: true },
  { row: HOLDS, name: 'hold-source: released, step not over', scene: cancelAbroad, at: writeHold('reply', 'released') },

  { row: HOLDS, name: 'via region: hub available, the others not started', scene: copyVia, at: write('reply', 'worker', reached('available')), again: true },
  { row: HOLDS, name: 'via region: hub shared, not saved', scene: copyVia, at: writeHold('request', 'held'), again: true },
  { row: HOLDS, name: 'via region: all copied, hub not removed', scene: copyVia, at: call('request', 'DeregisterImage'), again: true },

  { row: WAKE_UPS, name: 'tick: lease taken, nothing polled', scene: copy, at: leaseTaken('tick'), again: true },
  { row: WAKE_UPS, name: 'sweep: lease taken, nothing woken', scene: copy, at: leaseTaken('sweep'), again: true },
  { row: WAKE_UPS, name: 'sweep: unfinished work found, not woken', scene: cancelSlowly, at: command('reply', 'zrange', (ids, [key]) => ids.length > 0 && key?.endsWith(':unfinished') === true) },
  { row: WAKE_UPS, name: 'stalled steps: about to be put back', scene: copy, at: command('request', 'moveStalledJobsToWait'), again: true },
];

export const KILL_SCENARIOS: readonly Scenario[] = KILLS.map(({ row, name, scene, at, again, expects }) => ({
  row,
  name,
  kind: 'kill' as const,
  async play(stage) {
    const times = again === true && stage.random.chance(0.3) ? 2 : 1;
    const trap = stage.killAt(at, times);
    await scene(stage);
    await stage.sprung(trap, times);
    await expects?.(stage);
  },
}));
