import { keyIn, OWN } from '../helpers/account.ts';
import { afterEach, expect, test } from 'vitest';
import { clientToken } from '../../src/domain/copy-token.ts';
import { begin, onCopy } from '../helpers/transitions.ts';
import { copyParams } from '../../src/worker/copy-params.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';
import { loseWakeUps } from '../helpers/wake-ups.ts';

let service: Service;
afterEach(() => service.stop());

const eu = { account: OWN, region: 'eu-west-1' };

/** A job whose worker was killed right after CopyImage was answered: the image is there, the record doesn't know. */
async function orphaned(): Promise<string> {
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
  await service.store.update(id, onCopy(begin('eu-west-1')));
  const job = await service.store.get(id);
  const destination = job?.kind === 'copy' ? job.destinations[0] : undefined;
  if (job?.kind !== 'copy' || destination === undefined) throw new Error('no job');
  await service.gateway.copyImage(eu, copyParams(job, destination));
  return id;
}

test('an intent without an answer is called again with the same token: one image', async () => {
  service = await startService();
  const id = await orphaned();
  await service.untilFinished(id);
  expect(await service.gateway.findImages(eu, {})).toHaveLength(1);
  const { copyImage } = await service.control.calls();
  expect(copyImage.map((call) => call.clientToken)).toEqual(
    Array(2).fill(clientToken(id, keyIn('eu-west-1'), 1)),
  );
});

test('an old intent, whose token EC2 has forgotten, takes up the image that carries its tag', async () => {
  service = await startService({
    settings: { tokenTrustMs: 0 },
    simulator: { tokenMemorySeconds: 0 },
  });
  const id = await orphaned();
  const [destination] = (await service.untilFinished(id)).destinations;
  const images = await service.gateway.findImages(eu, {});
  expect(images.map(({ imageId }) => imageId)).toEqual([destination?.imageId]);
  expect((await service.control.calls()).copyImage).toHaveLength(1);
});

test('several images of one attempt fail loudly, with their ids', async () => {
  service = await startService({
    settings: { tokenTrustMs: 0 },
    simulator: { tokenMemorySeconds: 0 },
  });
  const id = await orphaned();
  const job = await service.store.get(id);
  const destination = job?.kind === 'copy' ? job.destinations[0] : undefined;
  if (job?.kind !== 'copy' || destination === undefined) throw new Error('no job');
  // EC2 has forgotten the token, and somebody called once more.
  await service.gateway.copyImage(eu, copyParams(job, destination));
  const [ended] = (await service.untilFinished(id)).destinations;
  expect(ended?.error?.code).toBe('copy-ambiguous');
  for (const { imageId } of await service.gateway.findImages(eu, {}))
    expect(ended?.error?.message).toContain(imageId);
});

test('a job that was saved and never woken is found by the sweeper', async () => {
  service = await startService();
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
  expect(await loseWakeUps(service)).toBe(1);
  expect((await service.untilFinished(id)).destinations[0]?.state).toBe('succeeded');
});
