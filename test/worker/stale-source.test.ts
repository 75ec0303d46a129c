import { OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { changePermissions } from '../../src/commands/change-permissions.ts';
import { NO_REQUEST } from '../../src/domain/permissions.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';

/** A source that has changed since it was last looked at, a moment ago: a request is accepted on what was seen then. */
let service: Service;
beforeEach(async () => {
  service = await startService();
});
afterEach(() => service.stop());

const REQUEST = { destinations: [{ region: 'eu-west-1' }] };
const source = { account: OWN, region: GOLDEN_WEB.region };

test('one that was deregistered since fails in the worker, and the reason says so', async () => {
  await service.untilFinished((await service.copy(REQUEST)).id);
  await service.gateway.deregisterImage(source, GOLDEN_WEB.imageId);
  const { destinations } = await service.untilFinished((await service.copy(REQUEST)).id);
  expect(destinations).toMatchObject([{ state: 'failed', error: { code: 'source-gone' } }]);
});

test('one that its owner no longer shares fails the same way', async () => {
  const theirs = {
    account: OWN,
    region: GOLDEN_WEB.region,
    imageId: 'ami-00000000000000003',
    owner: '222222222222',
  };
  const { account: _by, ...image } = theirs;
  const shared = { ...image, name: 'theirs', sharedWith: ['111111111111'] };
  await service.control.addImage(shared);
  await service.untilFinished((await service.copy(REQUEST, theirs)).id);
  await service.control.addImage({ ...shared, sharedWith: [] });
  const { destinations } = await service.untilFinished((await service.copy(REQUEST, theirs)).id);
  expect(destinations).toMatchObject([{ state: 'failed', error: { code: 'source-gone' } }]);
  expect(destinations[0]?.error?.message).toContain('InvalidAMIID.NotFound');
});

test('permissions are never decided on it', async () => {
  await service.copy(REQUEST);
  await service.gateway.deregisterImage(source, GOLDEN_WEB.imageId);
  const change = { mode: 'set', set: NO_REQUEST } as const;
  await expect(changePermissions(service, GOLDEN_WEB, change, TESTER)).rejects.toMatchObject({
    code: 'image-not-found',
  });
});
