import { OWN } from '../helpers/account.ts';
import { afterEach, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { ANONYMOUS } from '../../src/domain/access.ts';
import { snapshotIdsOf } from '../../src/domain/ami.ts';
import { changeFailed } from '../../src/domain/permission-transitions.ts';
import { logLines } from '../helpers/log-lines.ts';
import { whileInFlight } from '../helpers/meanwhile.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const A = '222222222222';
const scope = { account: OWN, region: GOLDEN_WEB.region };
const byAnother = { code: 'internal-error', message: 'ended by another worker', retryable: false } as const;

test('a worker whose step was ended by another while it slept makes no further change', async () => {
  const { logger, lines } = logLines('warn');
  service = await startService({ logger });
  const add = permissionRequest({ accounts: [A], includeSnapshots: true });
  const change = { mode: 'patch', add, remove: permissionRequest({}) } as const;
  const { id } = await changePermissions(service, GOLDEN_WEB, change, ANONYMOUS);
  // It sleeps in the middle: what it has just called is done, what would follow must not come at all.
  whileInFlight(service, 'modifyLaunchPermissions', async () => {
    expect(await service.store.get(id)).toMatchObject({ state: 'running' });
    await service.store.update(id, changeFailed({ ...byAnother, awsCode: null, awsRequestId: null }, null));
  });
  await service.until(() => lines.some((line) => line.includes('was ended by another worker')));

  const image = await service.gateway.describeImage(scope, GOLDEN_WEB.imageId);
  const snapshots = snapshotIdsOf(image === null ? [] : [image]);
  expect(snapshots).toHaveLength(2);
  for (const snapshot of snapshots)
    expect((await service.gateway.snapshotPermissions(scope, snapshot)).accounts).toEqual([]);
  expect((await service.control.calls()).calls['ModifySnapshotAttribute']).toBeUndefined();
  expect(await service.store.get(id)).toMatchObject({ state: 'failed', error: byAnother });
});
