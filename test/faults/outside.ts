import type { JobState } from '../../src/domain/job.ts';
import { aftermath } from './waits.ts';
import type { Moment } from './moments.ts';
import { call, writeChange } from './moments.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

/** Between two calls of a change of permissions an administrator, or another tool, changes the same image directly in EC2. */
type Outside = Pick<Scenario, 'name' | 'play'>;

const [MINE, THEIRS, REMOVED] = ['222222222222', '333333333333', '444444444444'];

/** A plain copy that is complete. */
async function plainCopy(stage: Stage): Promise<void> {
  await stage.askSubject();
  await stage.untilSubject((_, job) => job.finishedAt !== null);
}

/** Once, as soon as a call of a worker is answered, something is done directly in EC2, before the worker hears the answer. */
function afterCall(stage: Stage, action: string, act: () => Promise<void>): void {
  stage.holdAt(call('reply', action), act);
}

const begun: Moment = writeChange(
  'reply',
  'worker',
  (after, before) => before?.state === 'queued' && after.state === 'running',
);

const savesWhatItGives = writeChange(
  'reply',
  'worker',
  (after, before) => (after.given?.accounts.length ?? 0) > (before?.given?.accounts.length ?? 0),
);

async function expectSeen(stage: Stage, grantees: readonly string[]): Promise<void> {
  await stage.untilAllEnded();
  const { region, imageId } = stage.image;
  const seen = await stage.ec2.launchPermissions(region, imageId);
  const told = new Set(seen.map(({ UserId, Group }) => UserId ?? Group));
  if (told.size === grantees.length && grantees.every((one) => told.has(one))) return;
  stage.complain(`${imageId} is shared with ${[...told].join(', ')} instead of ${grantees.join(', ')}`);
}

const OUTSIDE: readonly Outside[] = [
  {
    name: 'made private by hand while a PATCH is tried again',
    async play(stage) {
      const { control } = stage.stack;
      await control.settings({ blockPublicAccess: 'unblocked' });
      await plainCopy(stage);
      await stage.byHand({ add: 'all' });
      await stage.byHand({ add: REMOVED });
      stage.holdAt(begun, () => stage.byHand({ remove: 'all' }));
      await control.fault({
        action: 'ModifyImageAttribute',
        region: stage.image.region,
        skip: 1,
        error: 'RequestLimitExceeded',
      });
      await stage.change('PATCH', { remove: { accounts: [REMOVED] } });
      await expectSeen(stage, []);
    },
  },
  {
    name: 'shared by hand between two calls of a PATCH',
    async play(stage) {
      await plainCopy(stage);
      afterCall(stage, 'ModifyImageAttribute', () => stage.byHand({ add: THEIRS }));
      await stage.change('PATCH', { add: { accounts: [MINE], includeSnapshots: true } });
      await expectSeen(stage, [MINE, THEIRS]);
    },
  },
  {
    name: 'unshared by hand between two calls of a PATCH that adds another account',
    async play(stage) {
      await plainCopy(stage);
      await stage.byHand({ add: THEIRS });
      stage.holdAt(begun, () => stage.byHand({ remove: THEIRS }));
      await stage.change('PATCH', { add: { accounts: [MINE], includeSnapshots: true } });
      await expectSeen(stage, [MINE]);
    },
  },
  {
    name: 'made public by hand between two calls of a PATCH',
    async play(stage) {
      await stage.stack.control.settings({ blockPublicAccess: 'unblocked' });
      await plainCopy(stage);
      await stage.byHand({ add: REMOVED });
      stage.holdAt(begun, () => stage.byHand({ add: 'all' }));
      await stage.change('PATCH', { remove: { accounts: [REMOVED] } });
      await expectSeen(stage, ['all']);
    },
  },
  {
    name: 'shared by another tool again and again while a PUT is made',
    async play(stage) {
      const { workers, traffic } = stage.stack;
      const restart = (more: NodeJS.ProcessEnv) =>
        Promise.all(workers.map(({ process }) => process.restartWith(more)));
      stage.cleanUp(() => restart({}));
      await restart({ RETRY_SECONDS: '3' });
      await plainCopy(stage);
      const again: Moment = call('reply', 'ModifyImageAttribute');
      stage.cleanUp(
        traffic.watch((seen) => (again(seen, stage.subject) ? stage.byHand({ add: THEIRS }) : undefined)),
      );
      await stage.change('PUT', { accounts: [MINE] }, ['failed']);
      await expectSeen(stage, [THEIRS]);
    },
  },
  {
    name: 'deregistered by hand between two calls of a PATCH',
    async play(stage) {
      await plainCopy(stage);
      const { region, imageId } = stage.image;
      afterCall(stage, 'ModifyImageAttribute', () => stage.ec2.deregister(region, imageId));
      await stage.change('PATCH', { add: { accounts: [MINE], includeSnapshots: true } }, ['failed']);
      await stage.untilAllEnded();
    },
  },
  {
    name: 'an image that carries the tags of a copy that is cancelled',
    async play(stage) {
      const { id } = await stage.askSubject({ seconds: 30, ends: ['cancelled'] });
      await stage.untilSubject(([one]) => one?.state === 'pending');
      const { region } = stage.image;
      const theirs = `ami-${stage.random.integer(0, 0xffffffff).toString(16).padStart(17, '0')}`;
      const tags = { 'amiferry:job': id, 'amiferry:attempt': '1' };
      await stage.stack.control.addImage({ region, imageId: theirs, name: theirs, tags });
      await stage.client.cancel(id);
      await stage.untilAllEnded();
      const isWhole = await stage.ec2.remove(region, theirs);
      if (!isWhole) stage.complain(`${theirs}, which this service did not make, is gone or not whole`);
    },
  },
  {
    name: 'made private between the write that announces a call and the call',
    async play(stage) {
      await plainCopy(stage);
      const withdrawn = Promise.withResolvers<void>();
      stage.holdAt(savesWhatItGives, async () => {
        await stage.change('DELETE');
        withdrawn.resolve();
      });
      await stage.change('PATCH', { add: { accounts: [MINE], includeSnapshots: true } }, ['failed']);
      await withdrawn.promise;
      await expectSeen(stage, []);
    },
  },
  {
    name: 'made private while a change is stuck',
    async play(stage) {
      const { control } = stage.stack;
      await stage.askSubject({ kmsKeyId: 'alias/ami' });
      await stage.untilSubject((_, job) => job.finishedAt !== null);
      await control.fault({
        action: 'CreateGrant',
        times: 100_000,
        error: 'KMSInternalException',
        status: 500,
      });
      const ends: readonly JobState[] = ['failed'];
      await stage.change('PATCH', { add: { accounts: [MINE], grantKeyAccess: true } }, ends);
      stage.holdAt(call('reply', 'CreateGrant'), () => aftermath());
      const withdrawal = await stage.change('DELETE');
      await stage.untilChange(withdrawal, ({ finishedAt }) => finishedAt !== null);
      await control.clearFaults();
      await expectSeen(stage, []);
    },
  },
];

export const OUTSIDE_SCENARIOS: readonly Scenario[] = OUTSIDE.map((one) => ({
  ...one,
  row: 'frozen state: what others do in EC2 meanwhile',
  kind: 'fault',
}));
