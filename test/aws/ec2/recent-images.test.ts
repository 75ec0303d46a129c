import { OWN } from '../../helpers/account.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RecentImages } from '../../../src/aws/ec2/recent-images.ts';
import type { Service } from '../../helpers/service.ts';
import { GOLDEN_WEB, startService } from '../../helpers/service.ts';

const scope = { account: OWN, region: GOLDEN_WEB.region };
const OTHER = 'ami-0a1b2c3d4e5f60002';

let service: Service;
let now: number;
beforeAll(async () => {
  service = await startService({ workers: 0 });
});
afterAll(() => service.stop());
beforeEach(async () => {
  await service.control.reset();
  now = 1000;
});

const recent = (most?: number) =>
  new RecentImages(service.gateway, { now: () => now, ...(most !== undefined && { most }) });

async function looks(): Promise<number> {
  const { calls } = await service.control.calls();
  return calls['DescribeImages']?.[GOLDEN_WEB.region] ?? 0;
}

describe('an available image', () => {
  test('is looked at once by all who ask at once, and by those of the next seconds', async () => {
    const images = recent();
    const found = await Promise.all(
      Array.from({ length: 50 }, () => images.describeImage(scope, GOLDEN_WEB.imageId)),
    );
    expect(new Set(found.map((image) => image?.name))).toEqual(new Set(['golden-web']));
    now += 4999;
    await images.describeImage(scope, GOLDEN_WEB.imageId);
    expect(await looks()).toBe(1);
    now += 1;
    await images.describeImage(scope, GOLDEN_WEB.imageId);
    expect(await looks()).toBe(2);
  });

  test('is another one in another region', async () => {
    const images = recent();
    await images.describeImage(scope, GOLDEN_WEB.imageId);
    expect(await images.describeImage({ ...scope, region: 'eu-west-1' }, GOLDEN_WEB.imageId)).toBeNull();
  });

  test('is forgotten when there are too many, the oldest first', async () => {
    const images = recent(1);
    for (const id of [GOLDEN_WEB.imageId, OTHER, OTHER, GOLDEN_WEB.imageId])
      await images.describeImage(scope, id);
    expect(await looks()).toBe(3);
  });
});

describe('what may change any moment is not remembered', () => {
  test('that there is no such image', async () => {
    const images = recent();
    const imageId = 'ami-00000000000000001';
    expect(await images.describeImage(scope, imageId)).toBeNull();
    await service.control.addImage({ region: GOLDEN_WEB.region, imageId });
    expect(await images.describeImage(scope, imageId)).toMatchObject({ imageId });
  });

  test('that it is pending', async () => {
    const images = recent();
    const imageId = 'ami-00000000000000002';
    await service.control.addImage({ region: GOLDEN_WEB.region, imageId, state: 'pending' });
    expect(await images.describeImage(scope, imageId)).toMatchObject({ state: 'pending' });
    await service.control.addImage({ region: GOLDEN_WEB.region, imageId });
    expect(await images.describeImage(scope, imageId)).toMatchObject({ state: 'available' });
  });

  test('that EC2 refused: all who wait for the answer get it, and nobody after them', async () => {
    const images = recent();
    await service.control.fault({ action: 'DescribeImages', error: 'UnauthorizedOperation' });
    const refused = await Promise.allSettled(
      Array.from({ length: 5 }, () => images.describeImage(scope, GOLDEN_WEB.imageId)),
    );
    expect(refused.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(await images.describeImage(scope, GOLDEN_WEB.imageId)).not.toBeNull();
  });
});
