import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERRORS } from '../src/errors.ts';

const DOC = new URL('../docs/errors.md', import.meta.url);

/** The rows of the tables in docs/errors.md, by their code; those of destinations have no status. */
async function documented() {
  const lines = (await readFile(DOC, 'utf8')).split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) => {
    const cells = line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1);
    const [code = '', ...rest] = cells;
    const status = rest.length === 4 ? Number(rest.shift()) : null;
    const [retryable = '', title = '', advice = ''] = rest;
    return { code: code.replaceAll('`', ''), status, retryable, title, advice };
  });
}

test('docs/errors.md lists the very codes of the registry, in its order', async () => {
  expect((await documented()).map(({ code }) => code)).toEqual(Object.keys(ERRORS));
});

test('docs/errors.md says of each code what the registry says, and what to do', async () => {
  const registry = new Map<string, { status: number; retryable: boolean; title: string }>(
    Object.entries(ERRORS),
  );
  for (const { code, status, retryable, title, advice } of await documented()) {
    const known = registry.get(code);
    expect({ code, retryable, title }).toEqual({
      code,
      retryable: known?.retryable ? 'yes' : 'no',
      title: known?.title,
    });
    if (status !== null) expect(status, code).toBe(known?.status);
    expect(advice, code).toMatch(/\.$/);
  }
});

test('only what answers a destination has no status in docs/errors.md', async () => {
  const without = (await documented()).filter(({ status }) => status === null).map(({ code }) => code);
  expect(without).toEqual([
    'copy-failed',
    'hub-failed',
    'copy-disappeared',
    'copy-ambiguous',
    'source-gone',
    'policy-withdrawn',
    'removal-refused',
    'rolled-back',
  ]);
});
