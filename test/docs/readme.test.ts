import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { startStack } from '../../tools/dev/stack.ts';
import type { Stack } from '../../tools/dev/stack.ts';
import { Unwind } from '../../tools/dev/unwind.ts';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';
import { runCommand } from '../helpers/processes.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';
import { GOLDEN_WEB } from '../helpers/service.ts';
import { fencedBlocks, walkThrough } from './blocks.ts';

const read = (path: string) => readFile(join(PROJECT_DIR, path), 'utf8');
const README = await read('README.md');
/** The walk first: it watches a copy that is half done, and the README's session waits for the end of two. */
const walk = [...walkThrough(await read('docs/copying.md')), ...walkThrough(README)];

// Its --aws-sigv4 came with 7.75; without it the walk-through can't be walked on this machine.
const hasCurl = spawnSync('curl', ['--aws-sigv4', 'aws:amz:us-east-1:ec2', '--version']).status === 0;
if (!hasCurl)
  process.stdout.write(
    'There is no curl 7.75 or newer here: what README and docs/copying.md show is not run.\n',
  );

const END = '===== end of block =====';

/**
 * The outputs of all blocks without what is another each time: ids are numbered in the order in which they appear, so
 * that the same id is still the same and another one another; percentages are all alike, and lines that repeat are one.
 */
function comparable(outputs: readonly string[]): string[] {
  const seen = new Map<string, string>();
  const numbered = (id: string) => seen.get(id) ?? seen.set(id, `id-${seen.size + 1}`).get(id) ?? '';
  return outputs.map((output) => {
    const text = output
      .replaceAll('\r', '')
      .replaceAll(/\bami-[0-9a-f]{17}\b|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/g, numbered)
      .replaceAll(/\b[0-9]+ %/g, 'N %');
    // A slow machine may be asked before EC2 has given an id.
    const lines = text.split('\n').map((line) => line.trimEnd());
    return lines
      .filter((line, i) => line !== lines[i - 1] && line !== '' && !/\bnull\b/.test(line))
      .join('\n');
  });
}

describe.runIf(hasCurl)('what README and docs/copying.md show', () => {
  const prefix = testPrefix();
  const errors: string[] = [];
  const said: string[] = [];
  const unwind = new Unwind((phase, error) => errors.push(`${phase}: ${String(error)}`));
  let dir: string;
  let stack: Stack;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'amiferry-readme-'));
    stack = await startStack(
      {
        dir,
        redisUrl: testRedisUrl(),
        settings: {
          QUEUE_PREFIX: prefix,
          POLL_SECONDS: '0.2',
          EVENTS_POLL_SECONDS: '0.2',
          // Until the copy has been seen half done: the test then moves EC2's time on.
          SIMULATOR_COPY_SECONDS: '60',
        },
        host: '127.0.0.1',
        port: await freePort(),
        simulatorPort: await freePort(),
        onLine: (name, line) => said.push(`${name}: ${line}`),
      },
      unwind,
    ).catch((error: unknown) => {
      throw new Error(`The stack did not start:\n${said.slice(-10).join('\n')}`, { cause: error });
    });
  });
  afterAll(async () => {
    await unwind.run();
    const redis = connectRedis(testRedisUrl(), 'blocking', () => {});
    await dropPrefix(redis, prefix);
    await closeRedis(redis);
    await rm(dir, { recursive: true, force: true });
    if (errors.length > 0) throw new Error(errors.join('; '));
  });

  test('does what it says', async () => {
    const script = walk.map((block) => `${block.script}\necho '${END}'\n`).join('');
    const here = script
      .replaceAll('http://127.0.0.1:3000', stack.apiUrl)
      .replaceAll('http://127.0.0.1:4566', stack.simulatorUrl);
    const run = runCommand(PROJECT_DIR, 'bash', ['-c', here], {});
    await run.untilSays(/ pending [1-9][0-9]? %/);
    await new SimulatorControl(stack.simulatorUrl).settings({ speed: 1000 });
    expect(await run.ended, run.output()).toBe(0);

    const outputs = run.output().split(`${END}\n`).slice(0, -1);
    expect(comparable(outputs)).toEqual(comparable(walk.map(({ output }) => output)));

    const watched = outputs.find((output) => output.includes(' pending ')) ?? '';
    const percents = [...watched.matchAll(/ ([0-9]+) %/g)].map(([, percent]) => Number(percent));
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.some((percent) => percent > 0 && percent < 100)).toBe(true);
  });

  test('the client of the README copies, and exits by what became of it', async () => {
    const client = join(dir, 'copy.mjs');
    await writeFile(client, fencedBlocks(README).find(({ info }) => info === 'js client')?.text ?? '');
    const copyTo = (...regions: string[]) =>
      runCommand(dir, process.execPath, [client, GOLDEN_WEB.imageId, ...regions], {
        AMIFERRY_URL: stack.apiUrl,
      });
    const copied = copyTo('eu-north-1');
    expect(await copied.ended, copied.output()).toBe(0);
    expect(copied.output()).toMatch(/^eu-north-1 succeeded ami-[0-9a-f]{17} $/m);
    const refused = copyTo('eu-nowhere-1');
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('unknown-region: ');
  });
});
