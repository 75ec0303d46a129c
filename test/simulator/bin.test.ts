import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

function start(env: Record<string, string>) {
  return spawn(process.execPath, ['simulator/main.ts'], { env: { PATH: process.env['PATH'], ...env } });
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'the process says where it is, on loopback, and ends on %s',
  async (signal) => {
    const child = start({ SIMULATOR_PORT: '0', SIMULATOR_COPY_SECONDS: '3', HOST: '0.0.0.0' });
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const url = /http:\/\/127\.0\.0\.1:\d+$/.exec(line)?.[0];
      const response = await fetch(`${url}/_simulator/settings`);
      expect(await response.json()).toMatchObject({ copySeconds: 3, throttle: false });
      child.kill(signal);
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  },
);

test('a bad setting is named, and nothing starts', async () => {
  const child = start({ SIMULATOR_COPY_SECONDS: 'soon' });
  const [message] = (await once(child.stderr, 'data')) as [Buffer];
  expect(message.toString()).toContain('SIMULATOR_COPY_SECONDS must be a number');
  expect(await once(child, 'exit')).toEqual([1, null]);
});
