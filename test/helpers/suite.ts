import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { stopChild } from '../../tools/dev/stop-child.ts';
import { tether } from '../../tools/dev/tether.ts';
import type { Unwind } from '../../tools/dev/unwind.ts';

/** The result of a run of the suite. */
export interface SuiteRun {
  passed: number;
  /** Full names of the tests that failed, and the paths of files that did not load. */
  failed: string[];
  seconds: number;
}

/** The parts of vitest's JSON report that are read. */
const JsonReport = Type.Object({
  numPassedTests: Type.Integer(),
  testResults: Type.Array(
    Type.Object({
      name: Type.String(),
      status: Type.String(),
      assertionResults: Type.Array(Type.Object({ fullName: Type.String(), status: Type.String() })),
    }),
  ),
});

export interface SuiteOptions {
  /** The project's directory, or that of a copy of it. */
  dir?: string;
  /** Folders or files of tests; default: all. */
  tests?: readonly string[];
}

/** Runs the suite, or a part of it, once. A run without a report counts as one failure. */
export async function runSuite(
  { dir: project = PROJECT_DIR, tests = [] }: SuiteOptions,
  unwind: Unwind,
): Promise<SuiteRun> {
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-steady-'));
  const report = join(dir, 'report.json');
  const began = performance.now();
  try {
    await vitest(project, ['run', '--reporter=json', `--outputFile=${report}`, ...tests], unwind);
    const text = await readFile(report, 'utf8').catch(() => null);
    const seconds = Math.round((performance.now() - began) / 1000);
    if (text === null) return { passed: 0, failed: ['the suite itself: vitest wrote no report'], seconds };
    return { ...readReport(text, project), seconds };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function readReport(text: string, project: string): Pick<SuiteRun, 'passed' | 'failed'> {
  const { numPassedTests, testResults } = Value.Parse(JsonReport, JSON.parse(text));
  const failed = testResults.flatMap(({ name, status, assertionResults }) => {
    const file = name.replace(`${project}/`, '');
    const tests = assertionResults.filter((one) => one.status === 'failed');
    if (tests.length > 0) return tests.map(({ fullName }) => `${file}: ${fullName}`);
    return status === 'failed' ? [`${file}: did not load, or a hook of it failed`] : [];
  });
  return { passed: numPassedTests, failed };
}

async function vitest(cwd: string, args: readonly string[], unwind: Unwind): Promise<void> {
  const child = spawn(join(PROJECT_DIR, 'node_modules/.bin/vitest'), args, {
    cwd,
    stdio: 'ignore',
  });
  tether(child);
  await unwind.add('the test suite', () => stopChild(child, 5000));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}
