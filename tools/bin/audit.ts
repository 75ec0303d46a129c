import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeAudit } from '../dev/audit.ts';
import type { Accepted } from '../dev/audit.ts';
import { PROJECT_DIR } from '../dev/project.ts';

/**
 * Part of `npm run check`: reports known vulnerabilities of production dependencies. accepted-advisories.json lists accepted
 * findings (SECURITY.md). If the registry can't be reached, the check says so and passes.
 */
const FILE = join(PROJECT_DIR, 'accepted-advisories.json');
/** The time limit, milliseconds, after which the check passes without a network. */
const PATIENCE = ['--fetch-retries=0', '--fetch-timeout=10000'];

const { stdout } = spawnSync('npm', ['audit', '--json', '--omit=dev', ...PATIENCE], {
  cwd: PROJECT_DIR,
  encoding: 'utf8',
});
const accepted: Record<string, Accepted> = JSON.parse(readFileSync(FILE, 'utf8'));
const { outcome, lines } = judgeAudit(parse(stdout), accepted, new Date().toISOString().slice(0, 10));
const note = outcome === 'unknown' ? 'Note: ' : '';
process.stdout.write(lines.map((line) => `${note}${line}\n`).join(''));
process.exitCode = outcome === 'found' ? 1 : 0;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
