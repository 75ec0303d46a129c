import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { fencedBlocks } from './blocks.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const workflows = await Promise.all(
  (await readdir(new URL('../../.github/workflows', import.meta.url))).map(async (name) => ({
    name,
    text: await read(`.github/workflows/${name}`),
  })),
);

test.each(workflows)('$name uses actions at commits, and may only read', ({ text }) => {
  const uses = [...text.matchAll(/\buses:\s*(\S+)/g)].map(([, action = '']) => action);
  expect(uses.length).toBeGreaterThan(0);
  expect(uses.filter((action) => !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
  expect(text.match(/^permissions:\n(?: +.*\n)+/m)?.[0]).toBe('permissions:\n  contents: read\n');
  expect(text).not.toMatch(/pull_request_target|: *write\b|write-all/);
  const checkouts = text.match(/uses: actions\/checkout@/g)?.length;
  expect(text.match(/persist-credentials: false/g)?.length).toBe(checkouts);
});

test('the container is not root, and has one base image', async () => {
  const dockerfile = await read('Dockerfile');
  const stages = [...dockerfile.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)].map(([, from, name]) => [
    from,
    name,
  ]);
  const names = new Set(stages.map(([, name]) => name));
  const outside = stages.filter(([from]) => !names.has(from));
  expect(outside).toEqual([
    [expect.stringMatching(/^node:24-bookworm-slim(@sha256:[0-9a-f]{64})?$/), 'base'],
  ]);
  // The last word on it is what the container runs as.
  expect([...dockerfile.matchAll(/^USER (.+)$/gm)].at(-1)?.[1]).toMatch(/^(node|[1-9]\d*(:[1-9]\d*)?)$/);
  expect(dockerfile).toMatch(/npm ci --omit=dev --ignore-scripts/);
});

test('the line of SECURITY.md pins the base image, and pins it anew', async () => {
  const line = fencedBlocks(await read('SECURITY.md')).flatMap(({ text }) => text.match(/^sed .*$/m) ?? []);
  expect(line).toHaveLength(1);
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-pin-'));
  try {
    await writeFile(join(dir, 'Dockerfile'), await read('Dockerfile'));
    for (const digest of [`sha256:${'0'.repeat(64)}`, `sha256:${'1'.repeat(64)}`]) {
      await promisify(execFile)('bash', ['-c', line.join()], { cwd: dir, env: { ...process.env, digest } });
      const pinned = (await readFile(join(dir, 'Dockerfile'), 'utf8')).match(/^FROM .*@.*$/gm);
      expect(pinned).toEqual([`FROM node:24-bookworm-slim@${digest} AS base`]);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
