import { OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import type { PermissionsJob } from '../../src/domain/job.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER, untilChanged } from '../helpers/service.ts';

const { imageId, region } = GOLDEN_WEB;
const A = '222222222222';
const retryMs = 3000;
const credentialsMs = 60_000;

let service: Service;
beforeEach(async () => {
  service = await startService({ settings: { retryMs, credentialsMs } });
});
afterEach(() => service.stop());

/** A PUT that shares the image with one account, accepted and not begun. */
async function accepted(): Promise<string> {
  const set = permissionRequest({ accounts: [A] });
  return (await changePermissions(service, GOLDEN_WEB, { mode: 'set', set }, TESTER)).id;
}

const failing = (error: string, action = 'ModifyImageAttribute', times = 100_000) =>
  service.control.fault({ action, error, times });
const shared = async () =>
  (await service.gateway.launchPermissions({ account: OWN, region }, imageId)).accounts;
const took = ({ finishedAt, startedAt }: PermissionsJob) => (finishedAt ?? 0) - (startedAt ?? 0);

describe('credentials that the account refuses', () => {
  test.each(['DescribeImages', 'ModifyImageAttribute'])(
    'for longer than RETRY_SECONDS fail no change: %s',
    async (action) => {
      const id = await accepted();
      const began = service.store.now();
      await failing('ExpiredToken', action);
      await service.until(() => service.store.now() - began > 3 * retryMs);
      const waiting = await service.store.get(id);
      expect(waiting).toMatchObject({ finishedAt: null, error: { code: 'account-not-reachable' } });
      await service.control.clearFaults();
      // What EC2 answers next may pass as well: the time without credentials does not count for that.
      await failing('Unavailable', action, 2);
      expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded', error: null });
      expect(await shared()).toEqual([A]);
    },
  );

  test('for CREDENTIALS_SECONDS fail it, which says what is left, and a retry makes it', async () => {
    const id = await accepted();
    const began = service.store.now();
    await failing('ExpiredToken');
    const job = await untilChanged(service, id);
    expect(job).toMatchObject({
      state: 'failed',
      error: { code: 'account-not-reachable', awsCode: 'ExpiredToken', retryable: true },
    });
    expect(job.error?.message).toContain(`/amis/${imageId}/permissions?region=${region}`);
    expect((job.finishedAt ?? 0) - began).toBeGreaterThanOrEqual(credentialsMs);
    await service.control.clearFaults();
    await retryJob(service, id, TESTER);
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded', error: null });
  });
});

test('a change that EC2 throttles for ever ends, later than one that meets other errors', async () => {
  const id = await accepted();
  await failing('RequestLimitExceeded');
  const throttled = await untilChanged(service, id);
  expect(throttled).toMatchObject({ state: 'failed', error: { code: 'ec2-throttled' } });
  expect(took(throttled)).toBeGreaterThanOrEqual(4 * retryMs);
  await service.control.clearFaults();
  await failing('Unavailable');
  const other = await untilChanged(service, await accepted());
  expect(other).toMatchObject({ state: 'failed', error: { code: 'ec2-unavailable' } });
  expect(took(other)).toBeGreaterThanOrEqual(retryMs);
  expect(took(other)).toBeLessThan(took(throttled));
  await service.control.clearFaults();
  expect(await shared()).toEqual([]);
});

test('time in which a change waits for its turn does not count: its first error is not its last', async () => {
  const id = await accepted();
  await service.steps.advance(2 * retryMs);
  await failing('Unavailable', 'DescribeImages', 2);
  expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded' });
});
