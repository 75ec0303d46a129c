import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { findOnPath } from '../../tools/dev/redis-server.ts';

/** Runs a tool on the templates, should this machine have it: it is no package of ours. */
const judged = (tool: string, ...words: string[]) => {
  const { stdout, status } = spawnSync(tool, words, { encoding: 'utf8' });
  return { stdout, status };
};
/** A shell's answer for a command that it can't find, as a version manager's stand-in gives it. */
const NOT_FOUND = 127;

test.runIf(findOnPath('cfn-lint'))('the CloudFormation templates are fine by cfn-lint', ({ skip }) => {
  const files = globSync('deploy/*/cloudformation/*.{yaml,yml}', { cwd: PROJECT_DIR });
  expect(files).toHaveLength(4);
  const verdict = judged('cfn-lint', ...files.map((file) => join(PROJECT_DIR, file)));
  skip(verdict.status === NOT_FOUND, 'cfn-lint is not installed');
  expect(verdict).toEqual({ stdout: '', status: 0 });
});

test.runIf(findOnPath('terraform'))('the Terraform files are formatted as terraform does it', ({ skip }) => {
  const verdict = judged('terraform', 'fmt', '-check', '-diff', '-recursive', join(PROJECT_DIR, 'deploy'));
  skip(verdict.status === NOT_FOUND, 'terraform is not installed');
  expect(verdict).toEqual({ stdout: '', status: 0 });
});
