import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

/** Runs some lines as a process of its own, with `logger` at hand; what it wrote, line by line. */
function lines(script: string): string[] {
  const source = `
    import { createLogger } from ${JSON.stringify(join(PROJECT_DIR, 'src/logging/logging.ts'))};
    const logger = createLogger('test', 'info');
    ${script}`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', source], {
    encoding: 'utf8',
  });
  const written = stdout.split('\n').filter((line) => line !== '');
  return written.map((line) => (JSON.parse(line) as { msg: string }).msg);
}

test('lines are written in order, and all of them before the process is over', () => {
  expect(lines(`for (let i = 0; i < 3; i += 1) logger.info('line ' + i); process.exit(3);`)).toEqual([
    'line 0',
    'line 1',
    'line 2',
  ]);
  expect(lines(`logger.info('before'); throw new Error('unforeseen');`)).toEqual(['before']);
});

test('a process that is killed loses no line of an earlier turn', () => {
  const kill = `process.kill(process.pid, 'SIGKILL')`;
  expect(lines(`logger.info('there'); setImmediate(() => ${kill});`)).toEqual(['there']);
});

test('what is fatal is written at once', () => {
  expect(lines(`logger.fatal('the end'); process.kill(process.pid, 'SIGKILL');`)).toEqual(['the end']);
});

test('a reader that has gone stops nobody', () => {
  const source = `
    import { createLogger } from ${JSON.stringify(join(PROJECT_DIR, 'src/logging/logging.ts'))};
    const logger = createLogger('test', 'info');
    let left = 50;
    const timer = setInterval(() => {
      logger.info('x'.repeat(10_000));
      if ((left -= 1) === 0) { clearInterval(timer); process.stderr.write('survived'); }
    }, 1);`;
  const shell = `'${process.execPath}' --input-type=module --eval "$0" | head -c 1 > /dev/null`;
  const { stderr } = spawnSync('sh', ['-c', shell, source], { encoding: 'utf8' });
  expect(stderr).toContain('survived');
});
