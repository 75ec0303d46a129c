import { expect, test } from 'vitest';
import { hubGone } from '../../src/domain/hold-transitions.ts';
import type { CopyJob, Destination } from '../../src/domain/job.ts';
import { retryFailed } from '../../src/domain/retry-transitions.ts';
import { OWN } from '../helpers/account.ts';
import { B, C } from '../helpers/accounts.ts';
import { copyJob } from '../helpers/copy-job.ts';

const ERROR = {
  code: 'copy-failed' as const,
  message: 'no',
  retryable: true,
  awsCode: null,
  awsRequestId: null,
};
const MADE = { imageId: 'ami-1', startedAt: 1000, availableAt: 1500, finishedAt: 2000 };
const HUB = 'ami-0f0f0f0f0f0f0f0f0';

/** A hub in eu-west-1 that has succeeded, and spokes of it in B and C. */
function withSpokes(hub: Partial<Destination>, b: Partial<Destination>, c: Partial<Destination>): CopyJob {
  const job = copyJob({}, ['eu-west-1', 'eu-west-1', 'eu-west-1']);
  const changes = [{ ...MADE, imageId: HUB, state: 'succeeded' as const, ...hub }, b, c];
  const accounts = [OWN, B, C];
  const destinations = job.destinations.map((one, i): Destination => {
    const spec = { ...one.spec, account: accounts[i] ?? OWN };
    return { ...one, ...changes[i], spec: i === 0 ? spec : { ...spec, hub: `${OWN}/eu-west-1` } };
  });
  return { ...job, destinations };
}

test('a copy that is complete is retried without the hub that it was made of', () => {
  const complete = { ...MADE, state: 'failed' as const, error: ERROR, sources: [HUB] };
  const never = { state: 'failed' as const, error: ERROR, finishedAt: 2000 };
  const removed = { imageState: 'deregistered' as const };
  const states = (job: CopyJob | null) => job?.destinations.map(({ state }) => state);
  expect(states(retryFailed(withSpokes(removed, complete, complete), 3000))).toEqual([
    'succeeded',
    'available',
    'available',
  ]);
  expect(states(retryFailed(withSpokes(removed, complete, never), 3000))).toEqual([
    'queued',
    'available',
    'queued',
  ]);
});

test('a hub that somebody has deregistered fails the copies that wait for it, with what onFailure asks for', () => {
  const image = { imageId: HUB, account: OWN, region: 'eu-west-1' };
  const job = withSpokes({}, { ...MADE, state: 'succeeded' }, {});
  const kept = hubGone(image)(job, 3000);
  expect(kept?.destinations.map(({ state, stopping }) => [state, stopping])).toEqual([
    ['succeeded', null],
    ['succeeded', null],
    ['failed', null],
  ]);
  expect(kept?.destinations[2]?.error).toMatchObject({ code: 'hub-failed' });
  const rolledBack = hubGone(image)({ ...job, onFailure: 'deregister' }, 3000);
  expect(rolledBack?.destinations[1]?.stopping).toBe('rollback');
  expect(hubGone(image)(kept ?? job, 4000)).toBeNull();
});
