import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OWN } from '../helpers/account.ts';
import type { CopyJob, Job } from '../../src/http/schemas/job.ts';
import { Ec2Actions } from '../helpers/ec2-actions.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

/** What EC2 need not be told, or not twice. The simulator refuses both. */
const EU = 'eu-west-1';
const WEB = '/amis/ami-0a1b2c3d4e5f60001/permissions?region=us-east-1';
const OTHER = '222222222222';
const DONE = { prefer: 'wait=15', 'content-type': 'application/json' };

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(() => api.service.control.reset());

const copy = async (body: object = {}, url = COPIES) =>
  (await api.post(url, { destinations: [{ region: EU }], ...body }, DONE)).json<CopyJob>();
const copied = async ({ destinations: [one] }: CopyJob) =>
  api.service.gateway.describeImage({ account: OWN, region: EU }, one?.imageId ?? '');
const codes = ({ warnings }: Job) => warnings.map(({ code }) => code);

describe('tags', () => {
  test('of the source that the request names too are sent once, by what the request says', async () => {
    const job = await copy({ tags: { team: 'mine', cost: '7' } });
    expect(job).toMatchObject({ state: 'succeeded' });
    const image = await copied(job);
    expect(image?.tags).toMatchObject({ Name: 'golden-web', release: '2026.11', team: 'mine', cost: '7' });
    const [call] = (await api.service.control.calls()).copyImage;
    expect(call?.parameters['CopyImageTags']).toBe('false');
    // As before, snapshots have those of the request alone.
    const [snapshot] = await api.service.gateway.findSnapshots({ account: OWN, region: EU }, 'amiferry:job', [
      job.id,
    ]);
    expect(Object.keys(snapshot?.tags ?? {}).toSorted()).toEqual([
      'amiferry:attempt',
      'amiferry:job',
      'amiferry:source',
      'cost',
      'team',
    ]);
  });

  test('without a key in common EC2 copies them', async () => {
    expect(await copy({ tags: { cost: '7' } })).toMatchObject({ state: 'succeeded' });
    const [call] = (await api.service.control.calls()).copyImage;
    expect(call?.parameters['CopyImageTags']).toBe('true');
  });

  test("of this service's own do not travel from a copy to a copy of it", async () => {
    const [first] = (await copy()).destinations;
    const second = await copy(
      { destinations: [{ region: EU, kmsKeyId: 'alias/ami', name: 'again' }] },
      `/amis/${first?.imageId}/copies?region=${EU}`,
    );
    expect(second).toMatchObject({ state: 'succeeded' });
    const image = await copied(second);
    expect(image?.tags).toMatchObject({
      team: 'web',
      'amiferry:job': second.id,
      'amiferry:source': `${EU}/${first?.imageId}`,
    });
  });

  test('that EC2 left out are put on the image, those of the source among them', async () => {
    const ec2 = new Ec2Actions(api.service.simulator.url);
    const { id } = (
      await api.post(COPIES, { destinations: [{ region: EU }], tags: { team: 'mine' } })
    ).json<Job>();
    const job = await api.service.untilJob(id, ({ destinations: [one] }) => one?.imageId != null);
    const imageId = job.destinations[0]?.imageId ?? '';
    await ec2.call(EU, 'DeleteTags', {
      'ResourceId.1': imageId,
      'Tag.1.Key': 'release',
      'Tag.2.Key': 'team',
    });
    await api.service.untilFinished(id);
    const image = await api.service.gateway.describeImage({ account: OWN, region: EU }, imageId);
    expect(image?.tags).toMatchObject({ release: '2026.11', team: 'mine' });
  });
});

describe("the owner's own account", () => {
  test.each([
    ['PUT', { accounts: [OWN, OTHER], includeSnapshots: true }],
    ['PATCH', { add: { accounts: [OTHER, OWN], includeSnapshots: true } }],
  ])('in a %s is left out, with a warning', async (method, payload) => {
    const job = (await api.call({ method, url: WEB, headers: DONE, payload })).json<Job>();
    expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [OTHER] } });
    expect(job.warnings[0]).toMatchObject({
      code: 'owner-left-out',
      message: expect.stringContaining(OWN),
    });
  });

  test('alone is nobody', async () => {
    const payload = { accounts: [OWN] };
    const job = (await api.call({ method: 'PUT', url: WEB, headers: DONE, payload })).json<Job>();
    expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [] } });
  });

  test('among those that a copy is shared with is left out', async () => {
    const job = await copy({ permissions: { accounts: [OWN, OTHER], includeSnapshots: true } });
    expect(job).toMatchObject({ state: 'succeeded', permissions: { accounts: [OTHER] } });
    expect(codes(job)).toEqual(['owner-left-out']);
  });

  test("is known by the copy where the source is another account's", async () => {
    const imageId = 'ami-0a1b2c3d4e5ff0001';
    const fresh = await startApi();
    try {
      const foreign = { region: 'us-east-1', owner: '333333333333', sharedWith: [OWN] };
      await fresh.service.control.addImage({ imageId, name: 'theirs', ...foreign });
      const permissions = { accounts: [OWN, OTHER] };
      const body = { destinations: [{ region: EU }], copyTags: false, permissions };
      const job = (await fresh.post(`/amis/${imageId}/copies?region=us-east-1`, body, DONE)).json<CopyJob>();
      expect(job).toMatchObject({ state: 'succeeded' });
      expect(codes(job)).toEqual(['owner-left-out']);
    } finally {
      await fresh.stop();
    }
  });
});
