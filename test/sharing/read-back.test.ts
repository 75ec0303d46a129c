import { OWN } from '../helpers/account.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { freePort } from '../helpers/free-port.ts';
import type { PrivateRedis } from '../../tools/dev/private-redis.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import { changeFailed } from '../../src/domain/permission-transitions.ts';
import { NOBODY } from '../../src/domain/permissions.ts';
import { logLines } from '../helpers/log-lines.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';
import { whileInFlight } from '../helpers/meanwhile.ts';
import { until } from '../helpers/waiting.ts';

const ACCOUNT = '222222222222';
const SCOPE = { account: OWN, region: GOLDEN_WEB.region };
const ENDED = {
  code: 'internal-error',
  message: 'ended by another worker',
  retryable: false,
  awsCode: null,
  awsRequestId: null,
} as const;

let dir: string;
let redis: PrivateRedis;
let service: Service;
let lines: string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-read-back-'));
  redis = await startPrivateRedis({ dir, port: await freePort() });
});
afterAll(async () => {
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  const log = logLines('warn');
  ({ lines } = log);
  service = await startService({ redisUrl: redis.url, logger: log.logger });
});
afterEach(async () => {
  process.kill(redis.pid, 'SIGCONT');
  await service.stop();
});

const launchers = () => service.gateway.launchPermissions(SCOPE, GOLDEN_WEB.imageId);

async function callsMade(): Promise<number> {
  const { calls } = await service.control.calls();
  return calls['ModifyImageAttribute']?.[GOLDEN_WEB.region] ?? 0;
}

/** Has another worker end the job, and more, while the call that shares the image is in flight; then runs its step. */
async function overtakenInFlight(more: () => void = () => {}): Promise<{ steps: Promise<void> }> {
  const nobody = permissionRequest({});
  const add = permissionRequest({ accounts: [ACCOUNT] });
  const { id } = await changePermissions(service, GOLDEN_WEB, { mode: 'patch', add, remove: nobody }, TESTER);
  whileInFlight(service, 'modifyLaunchPermissions', async () => {
    await service.store.update(id, changeFailed(ENDED, null));
    more();
  });
  return { steps: service.steps.runDue() };
}

test('a step to which Redis does not answer after its call reads back once Redis does', async () => {
  const { steps } = await overtakenInFlight(() => process.kill(redis.pid, 'SIGSTOP'));
  await until(() => lines.some((line) => line.includes('could not read back')));
  process.kill(redis.pid, 'SIGCONT');
  await steps;
  expect(await callsMade()).toBe(2);
  expect(await launchers()).toEqual(NOBODY);
});

test('a step whose answers are lost reads back too: its calls may have been made', async () => {
  const fault = { action: 'ModifyImageAttribute', when: 'after', drop: true, times: 2 } as const;
  await service.control.fault(fault);
  const { steps } = await overtakenInFlight();
  await steps;
  expect(await callsMade()).toBe(3);
  expect(await launchers()).toEqual(NOBODY);
});
