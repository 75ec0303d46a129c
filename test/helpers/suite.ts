import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { stopChild } from '../../tools/dev/stop-child.ts';
import { tether } from '../../tools/dev/tether.ts';
import type { Unwind } from '../../tools/dev/unwind.ts';

export interface FailedTest {
  /** Its file and full name, or the path of a file that did not load. */
  name: string;
  /** The first lines of its first error. */
  why: string;
}

/** The result of a run of the suite. */
export interface SuiteRun {
  passed: number;
  failed: FailedTest[];
  seconds: number;
}

/** The parts of vitest's JSON report that are read. */
const JsonReport = Type.Object({
  numPassedTests: Type.Integer(),
  testResults: Type.Array(
    Type.Object({
      name: Type.String(),
      status: Type.String(),
      message: Type.Optional(Type.String()),
      assertionResults: Type.Array(
        Type.Object({
          fullName: Type.String(),
          status: Type.String(),
          failureMessages: Type.Optional(Type.Array(Type.String())),
        }),
      ),
    }),
  ),
});

export interface SuiteOptions {
  /** The project's directory, or that of a copy of it. */
  dir?: string;
  /** Folders or files of tests; default: all. */
  tests?: readonly string[];
  /** The path of a file for the output of vitest; default: none is kept. It names errors that belong to no test. */
  log?: string;
}

const NO_REPORT: FailedTest = { name: 'the suite itself', why: 'vitest wrote no report' };

/** Lines of an error that are reported. */
const LINES = 3;

/** Runs the suite, or a part of it, once. A run without a report counts as one failure. */
export async function runSuite(
  { dir: project = PROJECT_DIR, tests = [], log }: SuiteOptions,
  unwind: Unwind,
): Promise<SuiteRun> {
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-steady-'));
  const report = join(dir, 'report.json');
  const began = performance.now();
  try {
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...tests];
    await vitest(project, args, log, unwind);
    const text = await readFile(report, 'utf8').catch(() => null);
    const seconds = Math.round((performance.now() - began) / 1000);
    if (text === null) return { passed: 0, failed: [NO_REPORT], seconds };
    return { ...readReport(text, project), seconds };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function readReport(text: string, project: string): Pick<SuiteRun, 'passed' | 'failed'> {
  const { numPassedTests, testResults } = Value.Parse(JsonReport, JSON.parse(text));
  const failed = testResults.flatMap(({ name, status, message = '', assertionResults }) => {
    const file = name.replace(`${project}/`, '');
    const tests = assertionResults.filter((one) => one.status === 'failed');
    if (tests.length > 0)
      return tests.map(({ fullName, failureMessages: [why = ''] = [] }) =>
        failedTest(`${file}: ${fullName}`, why),
      );
    return status === 'failed' ? [failedTest(`${file}: did not load, or a hook of it failed`, message)] : [];
  });
  return { passed: numPassedTests, failed };
}

function failedTest(name: string, why: string): FailedTest {
  return { name, why: why.split('\n').slice(0, LINES).join('\n') };
}

async function vitest(
  cwd: string,
  args: readonly string[],
  log: string | undefined,
  unwind: Unwind,
): Promise<void> {
  const output = log === undefined ? null : await open(log, 'w');
  const stdio = output?.fd ?? 'ignore';
  const child = spawn(join(PROJECT_DIR, 'node_modules/.bin/vitest'), args, {
    cwd,
    stdio: ['ignore', stdio, stdio],
  });
  tether(child);
  await unwind.add('the test suite', () => stopChild(child, 5000));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  }).finally(() => void output?.close());
}
