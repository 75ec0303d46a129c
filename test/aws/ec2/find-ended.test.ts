import { OWN } from '../../helpers/account.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ImageState } from '../../../src/domain/ami.ts';
import type { Service } from '../../helpers/service.ts';
import { startService } from '../../helpers/service.ts';

const scope = { account: OWN, region: 'eu-west-1' };
const id = (n: number) => `ami-${n.toString(16).padStart(17, '0')}`;

let service: Service;
beforeAll(async () => {
  service = await startService({ workers: 0 });
});
afterAll(() => service.stop());
beforeEach(() => service.control.reset());

async function image(n: number, state: ImageState): Promise<string> {
  await service.control.addImage({ region: scope.region, imageId: id(n), state });
  return id(n);
}

async function found(imageIds: string[]) {
  const { ended, unknown } = await service.gateway.findEnded(scope, imageIds);
  return { ended: ended.map(({ imageId, state }) => `${imageId} ${state}`), unknown };
}

const calls = async () => (await service.control.calls()).calls['DescribeImages']?.[scope.region] ?? 0;

test('images that are still being made are no part of the answer, whatever has become of the others', async () => {
  const states: ImageState[] = [
    'pending',
    'transient',
    'available',
    'failed',
    'error',
    'invalid',
    'disabled',
  ];
  const ids = await Promise.all(states.map((state, n) => image(n + 1, state)));
  const ended = ids.map((one, i) => `${one} ${states[i]}`).slice(2);
  await service.control.settings({ deregisteredSeconds: 3600 });
  const removed = await image(8, 'available');
  await service.gateway.deregisterImage(scope, removed);
  ended.push(`${removed} deregistered`);
  const answer = await found([...ids, removed]);
  expect(answer.ended.toSorted()).toEqual(ended.toSorted());
  expect(answer.unknown).toEqual([]);
  expect(await calls()).toBe(1);
});

test('nothing is asked for nothing, and a thousand are asked for at once', async () => {
  expect(await found([])).toEqual({ ended: [], unknown: [] });
  expect(await calls()).toBe(0);
  const ids = Array.from({ length: 1001 }, (_, n) => id(n + 1));
  await service.control.addImages(ids.map((imageId) => ({ region: scope.region, imageId })));
  expect((await found(ids)).ended).toHaveLength(1001);
  expect(await calls()).toBe(2);
});

test('ids that EC2 does not know are told, and hide none of the others', async () => {
  const [pending, done] = [await image(1, 'pending'), await image(2, 'available')];
  const missing = [id(7), id(8)];
  expect(await found([pending, ...missing, done])).toEqual({
    ended: [`${done} available`],
    unknown: missing,
  });
  expect(await calls()).toBe(2);
  expect(await found(missing)).toEqual({ ended: [], unknown: missing });
  expect(await calls()).toBe(3);
});

test('where EC2 names one unknown id after the other, or none at all, it is asked by a filter', async () => {
  const [pending, done] = [await image(1, 'pending'), await image(2, 'failed')];
  const missing = [7, 8, 9, 10].map(id);
  for (const one of missing.slice(1))
    await service.control.fault({
      action: 'DescribeImages',
      error: 'InvalidAMIID.NotFound',
      message: `The image id '[${one}]' does not exist`,
    });
  const ids = [pending, ...missing, done];
  const answer = { ended: [`${done} failed`], unknown: missing };
  expect(await found(ids)).toEqual(answer);
  // Three by name, and one by filter.
  expect(await calls()).toBe(4);
});

test('where EC2 does not say which id it is, it is asked by a filter at once', async () => {
  const done = await image(2, 'available');
  const fault = { action: 'DescribeImages', error: 'InvalidAMIID.NotFound', message: 'no such image' };
  await service.control.fault(fault);
  expect(await found([done, id(7)])).toEqual({ ended: [`${done} available`], unknown: [id(7)] });
  expect(await calls()).toBe(2);
});

test('any other refusal is passed on', async () => {
  await service.control.fault({ action: 'DescribeImages', times: 5, error: 'UnauthorizedOperation' });
  await expect(found([id(1)])).rejects.toMatchObject({ kind: 'denied' });
});
