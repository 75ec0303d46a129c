import { expect, test } from 'vitest';
import { Unwind } from '../../tools/dev/unwind.ts';

test('stops what was started last first, once, and goes on after a failure', async () => {
  const heard: string[] = [];
  const unwind = new Unwind((phase, error) => heard.push(`${phase}: ${String(error)}`));
  await unwind.add('redis', async () => void heard.push('redis'));
  await unwind.add('worker', () => Promise.reject(new Error('stuck')));
  await unwind.add('api', async () => void heard.push('api'));
  expect(unwind.begun).toBe(false);
  await Promise.all([unwind.run(), unwind.run()]);
  expect(heard).toEqual(['api', 'worker: Error: stuck', 'redis']);
  expect(unwind.begun).toBe(true);
});

test('what is started after stopping has begun is stopped at once', async () => {
  const heard: string[] = [];
  const unwind = new Unwind(() => {});
  await unwind.run();
  await unwind.add('late', async () => void heard.push('late'));
  expect(heard).toEqual(['late']);
});
