import { call, write } from './moments.ts';
import type { Scenario } from './scenario.ts';
import { copy, rollback, shareLater, expectShared } from './scenes.ts';
import type { Stage } from './stage.ts';
import { outage } from './waits.ts';

/** An EC2, or something on the way to it, that answers otherwise than its documentation has it; a Redis that answers late or never. */
type Loose = Pick<Scenario, 'name' | 'play'>;

const READS = ['DescribeImages', 'DescribeSnapshots', 'DescribeImageAttribute', 'DescribeSnapshotAttribute'];

/** Arms a fault for a few calls of each reading action. */
async function everyRead(stage: Stage, fault: object, times = 4): Promise<void> {
  for (const action of READS) await stage.stack.control.fault({ action, times, ...fault });
}

async function copyAndShare(stage: Stage): Promise<void> {
  await shareLater(stage);
  await expectShared(stage);
}

const LOOSE: readonly Loose[] = [
  {
    name: 'EC2 answers with empty lists',
    async play(stage) {
      await stage.askSubject({ seconds: 9 });
      await stage.untilSubject(([one]) => one?.state === 'pending');
      // So old that a copy which EC2 does not show counts as lost (LOST_COPY_SECONDS).
      await outage(6000);
      const [region = ''] = stage.own;
      await everyRead(stage, { empty: true, region });
      await stage.askOthers(2);
    },
  },
  {
    name: 'EC2 ignores filters',
    async play(stage) {
      await everyRead(stage, { ignoresFilters: true }, 30);
      await rollback(stage);
    },
  },
  {
    name: 'EC2 lists in another order',
    async play(stage) {
      await everyRead(stage, { reverses: true }, 50);
      await copyAndShare(stage);
    },
  },
  {
    name: 'EC2 leaves fields out',
    async play(stage) {
      const omits = ['blockDeviceMapping', 'tagSet', 'progress', 'description', 'imageState', 'encrypted'];
      await stage.askSubject({ seconds: 1 });
      await stage.untilSubject(([one]) => one?.state === 'pending');
      for (const name of omits) await everyRead(stage, { omits: [name] }, 2);
      await stage.askOthers(1);
    },
  },
  {
    name: 'EC2 sends half an answer and then nothing',
    async play(stage) {
      await stage.askSubject({ seconds: 1 });
      await stage.untilSubject(([one]) => one?.state === 'pending');
      for (const worker of stage.stack.workers) worker.ec2.halve(2);
      await stage.askOthers();
    },
  },
  {
    name: 'a web page in place of answers, with 200 and with 403',
    async play(stage) {
      for (const status of [200, 403]) {
        await everyRead(stage, { html: true, status: status === 200 ? undefined : status }, 2);
        await stage.stack.control.fault({
          action: 'CopyImage',
          html: true,
          ...(status === 403 && { status }),
        });
      }
      await copyAndShare(stage);
    },
  },
  {
    name: 'credentials that expire while copies are made',
    async play(stage) {
      const [first = '', second = ''] = stage.own;
      await stage.stack.control.fault({
        action: 'CopyImage',
        region: first,
        times: 2,
        error: 'ExpiredToken',
      });
      await stage.askSubject({ regions: [first, second], seconds: 5, onFailure: 'deregister' });
      // Longer than the second one waits for its credentials: both are pending then.
      await stage.untilSubject((all) => all.every(({ state }) => state === 'pending'));
      for (const error of ['ExpiredToken', 'RequestExpired', 'AuthFailure', 'InvalidClientTokenId'])
        await stage.stack.control.fault({ action: '*', times: 5, error });
    },
  },
  {
    name: 'a cancel whose answers are lost, and credentials that expire',
    async play(stage) {
      const { control } = stage.stack;
      const [region = ''] = stage.own;
      await control.settings({ consistencyDelayMs: 1500 });
      stage.cleanUp(() => control.settings({ consistencyDelayMs: 0 }));
      await control.fault({ action: 'CopyImage', region, when: 'after', drop: true, times: 2 });
      await control.fault({ action: 'CopyImage', region, error: 'ExpiredToken', times: 2 });
      const { id } = await stage.askSubject({ seconds: 30, ends: ['cancelled'] });
      await stage.untilSubject(([one]) => one !== undefined && one.startedAt !== null);
      await stage.client.cancel(id);
    },
  },
  {
    name: 'a limit in other words',
    async play(stage) {
      const [region = ''] = stage.own;
      const message = 'You have exceeded the number of concurrent image copies for this destination.';
      await stage.stack.control.fault({
        action: 'CopyImage',
        region,
        error: 'ResourceLimitExceeded',
        message,
      });
      await copy(stage);
    },
  },
  {
    name: 'slow answers, another region refused, and a retry',
    async play(stage) {
      const { control } = stage.stack;
      const [slow = '', refused = ''] = stage.own;
      // The first attempt's call, then, past the one by which the removal learns its image, that of the second attempt.
      await control.fault({ action: 'CopyImage', region: slow, when: 'after', delayMs: 6000 });
      await control.fault({ action: 'CopyImage', region: slow, skip: 1, when: 'after', delayMs: 6500 });
      await control.fault({ action: 'CopyImage', region: refused, error: 'InvalidRequest' });
      const { id } = await stage.askSubject({
        regions: [slow, refused],
        onFailure: 'deregister',
        ends: ['failed'],
      });
      await stage.untilSubject((_, job) => job.finishedAt !== null);
      await stage.client.tryTo('POST', `/jobs/${id}/retry`);
      stage.expected.set(id, ['succeeded']);
      // The first attempt's answer comes later than the job's end; its image is removed then.
      await stage.untilAllEnded();
      await outage(7000);
    },
  },
  {
    name: 'Redis answers the API late',
    async play(stage) {
      stage.holdAt(
        write('reply', 'api', (_, before) => before === undefined),
        () => outage(1600),
      );
      await copy(stage);
    },
  },
  {
    name: 'connections to Redis that stay open and are silent',
    async play(stage) {
      const { api, workers } = stage.stack;
      await copy(stage);
      const parts = [api, ...workers];
      for (const part of parts) part.redis.stall();
      const areBack = await stage.stack.ready().then(
        () => true,
        () => false,
      );
      if (!areBack) {
        stage.complain('silent connections to Redis are kept, though new ones work');
        for (const { process } of parts) process.kill();
      }
      await stage.askOthers(2);
    },
  },
  {
    name: 'two changes by APIs whose clocks differ',
    async play(stage) {
      const { process } = stage.stack.api;
      const behind = (seconds: number) => ({
        NODE_OPTIONS: `--import=${new URL('stack/shifted-clock.ts', import.meta.url).href}`,
        CLOCK_SHIFT_SECONDS: String(seconds),
      });
      await stage.askSubject();
      await stage.untilSubject((_, job) => job.finishedAt !== null);
      stage.cleanUp(() => process.restartWith({}));
      await process.restartWith(behind(30));
      // Both are in line before the first begins.
      const first = Promise.withResolvers<void>();
      stage.holdAt(call('request', 'DescribeImages'), () => first.promise);
      await stage.change('PUT', { accounts: ['222222222222'] });
      await process.restartWith(behind(-30));
      await stage.change('PUT', { accounts: ['333333333333'] });
      first.resolve();
      await stage.untilAllEnded();
      const { region, imageId } = stage.image;
      const seen = (await stage.ec2.launchPermissions(region, imageId)).map(({ UserId }) => UserId);
      if (seen.join() !== '333333333333') stage.complain(`the later PUT came first: ${seen.join()}`);
    },
  },
];

export const LOOSE_SCENARIOS: readonly Scenario[] = LOOSE.map((one) => ({
  ...one,
  row: 'one stale answer; half an answer; moment of bad credentials',
  kind: 'fault',
}));
