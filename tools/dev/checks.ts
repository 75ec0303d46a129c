import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_DIR } from './project.ts';

/** One check of `npm run check`, with the name by which it can be run alone. */
export interface Check {
  name: string;
  what: string;
  command: string[];
}

export interface Verdict {
  check: Check;
  ok: boolean;
  output: string;
}

const bin = (name: string) => join(PROJECT_DIR, 'node_modules/.bin', name);
const REQUIRE_NODE = join(PROJECT_DIR, 'src/bin/require-node.js');
const script = (name: string) => join(PROJECT_DIR, 'tools/bin', name);

export const CHECKS: readonly Check[] = [
  { name: 'types', what: 'tsc', command: [bin('tsc'), '--noEmit'] },
  {
    name: 'console',
    what: "tsc, the console's JavaScript against the types of the API's answers",
    command: [bin('tsc'), '--noEmit', '--project', 'console'],
  },
  {
    name: 'lint',
    what: 'oxlint, with the import rules of .oxlintrc.json',
    command: [bin('oxlint'), '--type-aware', '--deny-warnings'],
  },
  {
    name: 'format',
    what: 'oxfmt',
    command: [bin('oxfmt'), '--check', 'src', 'simulator', 'console', 'tools', 'test', 'bench'],
  },
  {
    name: 'openapi',
    what: 'openapi/openapi.json matches the routes',
    command: [process.execPath, '--import', REQUIRE_NODE, script('openapi.ts'), '--check'],
  },
  {
    name: 'audit',
    what: 'npm audit: every high or critical finding is accepted',
    command: [process.execPath, '--import', REQUIRE_NODE, script('audit.ts')],
  },
];

/** Runs a check to its end. `output` is its whole output. */
export async function runCheck(check: Check): Promise<Verdict> {
  const [command = '', ...rest] = check.command;
  return await new Promise<Verdict>((resolve) => {
    let output = '';
    const child = spawn(command, rest, { cwd: PROJECT_DIR, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)));
    child.once('error', (error) => resolve({ check, ok: false, output: error.message }));
    child.once('close', (code) => resolve({ check, ok: code === 0, output }));
  });
}
