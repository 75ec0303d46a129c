import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { FAULT_BUGS } from '../faults/bugs.ts';
import { BUGS } from './bugs.ts';

// `npm run test:bugs` and `npm run faults -- --bug NAME` take minutes: this tells at once when a bug can no longer be put in.
test.each(Object.entries({ ...BUGS, ...FAULT_BUGS }))(
  'the text that "%s" replaces is in its file',
  (_name, bug) => {
    expect(readFileSync(join(PROJECT_DIR, bug.file), 'utf8')).toContain(bug.is);
  },
);
