import {
  CopyImageCommand,
  DescribeImagesCommand,
  GetEbsEncryptionByDefaultCommand,
  ModifyImageAttributeCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authorization, golden, other, owner, startHarness, stopped, type Harness } from './harness.ts';
import { refused } from './refused.ts';

let sim: Harness;

beforeAll(async () => {
  sim = await startHarness({ speed: stopped });
});
afterAll(() => sim.close());
beforeEach(() => sim.control('POST', 'reset'));

const describeAll = (region?: string) => sim.ec2(region).send(new DescribeImagesCommand({}));
const copy = (ClientToken: string, region?: string) =>
  sim.ec2(region).send(
    new CopyImageCommand({
      Name: 'copied',
      SourceImageId: golden.web,
      SourceRegion: 'us-east-1',
      ClientToken,
    }),
  );

describe('faults', () => {
  test('befall so many calls of that action and region, with the status EC2 has for the code', async () => {
    await sim.control('POST', 'faults', {
      action: 'DescribeImages',
      region: 'eu-west-1',
      times: 2,
      error: 'RequestLimitExceeded',
    });
    await describeAll();
    for (const _ of [1, 2]) {
      await expect(describeAll('eu-west-1')).rejects.toMatchObject({
        name: 'RequestLimitExceeded',
        $metadata: { httpStatusCode: 503, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      });
    }
    await describeAll('eu-west-1');
  });

  test.each([
    [
      { error: 'UnauthorizedOperation', message: 'No.' },
      { name: 'UnauthorizedOperation', message: 'No.', $metadata: { httpStatusCode: 403 } },
    ],
    [
      { error: 'Odd', status: 418 },
      { name: 'Odd', $metadata: { httpStatusCode: 418 } },
    ],
    [{ status: 500 }, { name: 'InternalError', $metadata: { httpStatusCode: 500 } }],
    [{ drop: true }, { code: 'ECONNRESET' }],
  ])('%j', async (fault, error) => {
    await sim.control('POST', 'faults', { action: '*', ...fault });
    await expect(describeAll()).rejects.toMatchObject(error);
    await describeAll();
  });

  test('can let calls through first, befall one account only, and be cleared', async () => {
    await sim.control('POST', 'faults', {
      action: 'DescribeImages',
      skip: 1,
      account: owner,
      error: 'Unavailable',
    });
    await sim.ec2('us-east-1', other).send(new DescribeImagesCommand({}));
    await describeAll();
    await expect(describeAll()).rejects.toEqual(refused('Unavailable'));
    await sim.control('POST', 'faults', { action: 'DescribeImages', times: 5, error: 'Unavailable' });
    expect((await sim.control('GET', 'faults')).json).toMatchObject([{ action: 'DescribeImages', left: 5 }]);
    await sim.control('DELETE', 'faults');
    await describeAll();
  });

  test('a hang holds its answer back, a delay only for its time', async () => {
    await sim.control('POST', 'faults', { action: 'DescribeImages', hang: true });
    const abortSignal = AbortSignal.timeout(300);
    const hung = sim.ec2().send(new DescribeImagesCommand({}), { abortSignal });
    await expect(hung).rejects.toMatchObject({ name: 'AbortError' });
    await sim.control('POST', 'faults', { action: 'DescribeImages', delayMs: 150 });
    const start = performance.now();
    await describeAll();
    expect(performance.now() - start).toBeGreaterThan(140);
  });

  test.each([{ drop: true }, { error: 'InternalError' }])(
    'after: EC2 did it, and the answer is lost (%j)',
    async (fault) => {
      await sim.control('POST', 'faults', { action: 'CopyImage', when: 'after', ...fault });
      await expect(copy('t-1')).rejects.toBeInstanceOf(Error);
      const { ImageId } = await copy('t-1');
      const { copyImage } = await sim.calls();
      expect(copyImage).toMatchObject([
        { imageId: ImageId, replayed: false, error: expect.any(String) },
        { imageId: ImageId, replayed: true, error: null },
      ]);
      expect((await describeAll()).Images).toHaveLength(4);
    },
  );

  test('a copy can be made to fail later, and to be invisible first', async () => {
    const copyFails = { reason: 'Out of luck', snapshotReason: 'The disk is gone' };
    await sim.control('POST', 'faults', { action: 'CopyImage', copyFails, consistencyDelayMs: 3000 });
    const { ImageId = '' } = await copy('t-1');
    const seen = () => sim.ec2().send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    await expect(seen()).rejects.toEqual(refused('InvalidAMIID.NotFound'));
    sim.simulator.clock.advance(4);
    expect((await seen()).Images?.[0]?.State).toBe('pending');
    sim.simulator.clock.advance(5);
    expect((await seen()).Images?.[0]).toMatchObject({
      State: 'failed',
      StateReason: { Message: 'Out of luck' },
    });
  });
});

describe('the ledger', () => {
  test('adds up to what was called', async () => {
    await describeAll();
    await describeAll('eu-west-1');
    await describeAll('eu-west-1');
    await copy('t-1', 'eu-west-1');
    await expect(copy('t-1'.repeat(40), 'eu-west-1')).rejects.toEqual(refused('InvalidParameterValue'));
    const LaunchPermission = { Add: [{ UserId: other }] };
    await sim.ec2().send(new ModifyImageAttributeCommand({ ImageId: golden.web, LaunchPermission }));
    const ledger = await sim.calls();
    expect(ledger).toMatchObject({
      total: 6,
      mutations: 3,
      calls: {
        DescribeImages: { 'us-east-1': 1, 'eu-west-1': 2 },
        CopyImage: { 'eu-west-1': 2 },
        ModifyImageAttribute: { 'us-east-1': 1 },
      },
      errors: { CopyImage: { InvalidParameterValue: 1 } },
    });
    expect(ledger.copyImage[0]).toMatchObject({
      account: owner,
      region: 'eu-west-1',
      clientToken: 't-1',
      error: null,
      parameters: { Name: 'copied', SourceImageId: golden.web, SourceRegion: 'us-east-1' },
    });
  });

  test('is emptied, with everything else, by a reset', async () => {
    await copy('t-1');
    await sim.control('POST', 'settings', { copySeconds: 99 });
    await sim.control('POST', 'faults', { action: '*', error: 'Unavailable' });
    await sim.control('POST', 'reset');
    expect(await sim.calls()).toMatchObject({ total: 0, copyImage: [] });
    expect((await sim.control('GET', 'settings')).json).toMatchObject({ copySeconds: 8 });
    expect((await describeAll()).Images).toHaveLength(3);
  });
});

describe('throttling', () => {
  test('is off unless set; then CopyImage has 100 at once and one a second', async () => {
    await sim.control('POST', 'settings', { throttle: true });
    const results = await Promise.allSettled(
      Array.from({ length: 120 }, (_, n) => copy(`t-${n}`, 'eu-west-1')),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    expect(failures).toHaveLength(20);
    expect(failures[0]?.reason).toEqual(refused('RequestLimitExceeded'));
    await copy('elsewhere');
    sim.simulator.clock.advance(5);
    await copy('later', 'eu-west-1');
  });

  test('reading has its own buckets', async () => {
    await sim.control('POST', 'settings', { throttle: true });
    const read = () => sim.ec2().send(new GetEbsEncryptionByDefaultCommand({}));
    for (let n = 0; n < 100; n++) await read();
    await expect(read()).rejects.toEqual(refused('RequestLimitExceeded'));
    await describeAll();
  });
});

describe('the clock', () => {
  test('advances, and runs as fast as set', async () => {
    await copy('t-1', 'eu-west-1');
    await sim.control('POST', 'clock', { advanceSeconds: 86_400 });
    expect((await describeAll('eu-west-1')).Images?.[0]?.State).toBe('available');
    await sim.control('POST', 'settings', { speed: 100_000 });
    await copy('t-2', 'eu-west-2');
    await expect.poll(async () => (await describeAll('eu-west-2')).Images?.[0]?.State).toBe('available');
  });
});

describe('what control refuses', () => {
  test.each([
    ['faults', { action: 'CopyImage', tims: 3 }, /tims/],
    ['faults', { times: 3 }, /action/],
    ['faults', { action: 'x', times: 0 }, /times/],
    ['faults', '{', /JSON/],
    ['settings', { copySeconds: '8' }, /copySeconds/],
    ['settings', { copySecond: 8 }, /copySecond/],
    ['clock', {}, /advanceSeconds/],
    ['images', { region: 'mars' }, /mars/],
    ['images', { region: 'us-east-1', imageId: 'x' }, /imageId/],
    [`images/${golden.web}`, { state: 'odd' }, /state/],
    ['keys', { region: 'us-east-1' }, /account/],
  ])('POST %s %j', async (path, body, message) => {
    const { status, json } = await sim.control('POST', path, body);
    expect(status).toBe(400);
    expect((json as { error: string }).error).toMatch(message);
  });

  test('unknown routes and images are 404', async () => {
    expect((await sim.control('GET', 'nothing')).status).toBe(404);
    expect((await sim.control('POST', 'images/ami-0000000000000000f', { state: 'failed' })).status).toBe(404);
    expect((await sim.control('GET', 'health')).status).toBe(200);
  });
});

describe('on the wire', () => {
  const form = (action: string) => `Action=${action}&Version=2016-11-15`;

  test.each([
    ['no credentials', {}, 403, 'MissingAuthenticationToken'],
    ['other credentials', { authorization: 'Bearer x' }, 400, 'AuthFailure'],
    ['a region that is none', { authorization: authorization('mars-1', owner) }, 400, 'InvalidRegion'],
    ['a region not opted in to', { authorization: authorization('af-south-1', owner) }, 400, 'OptInRequired'],
  ])('%s', async (_, headers, status, code) => {
    const response = await sim.raw(form('DescribeImages'), headers);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(`<Code>${code}</Code>`);
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('an unknown action is InvalidAction, an action with an odd name is escaped', async () => {
    const response = await sim.raw(form('Launch%3CRocket'));
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(
      '<Code>InvalidAction</Code><Message>The action Launch&lt;Rocket is not',
    );
  });

  test('an access key id names its account', async () => {
    for (const [key, account] of [
      ['AKIASIM333333333333', '333333333333'],
      [other, other],
      ['AKIAANYTHING', owner],
    ]) {
      const headers = { authorization: authorization('us-east-1', key ?? '', 'sts') };
      const response = await sim.raw('Action=GetCallerIdentity&Version=2011-06-15', headers);
      expect(await response.text()).toContain(`<Account>${account}</Account>`);
    }
  });

  test('closing ends what hangs', async () => {
    const own = await startHarness();
    await own.control('POST', 'faults', { action: '*', hang: true });
    const hung = own
      .ec2()
      .send(new DescribeImagesCommand({}))
      .catch((error: unknown) => error);
    await expect.poll(async () => (await own.calls()).total).toBe(1);
    await own.close();
    expect(await hung).toBeInstanceOf(Error);
  });
});
