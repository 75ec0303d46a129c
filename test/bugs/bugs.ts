import type { Bug } from '../helpers/bug.ts';

/** A bug, and the folders of fast tests one of which has to find it. */
interface CaughtBug extends Bug {
  tests: readonly string[];
}

/** One in each part that copies and permissions depend on. */
export const BUGS: Readonly<Record<string, CaughtBug>> = {
  transitions: {
    file: 'src/domain/transitions.ts',
    is: 'const progress = Math.max(one.progress, Math.min(seen.progress, 99));',
    becomes: 'const progress = Math.min(seen.progress, 99);',
    tests: ['test/domain', 'test/worker'],
  },
  'commit script': {
    file: 'src/store/scripts.ts',
    is: "if version ~= plan.from then return 'conflict' end",
    becomes: "if version > 0 and plan.from == 0 then return 'conflict' end",
    tests: ['test/store'],
  },
  sharing: {
    file: 'src/permissions/differences.ts',
    is: '      launch: both(now.state, given),',
    becomes: '      launch: NOBODY,',
    tests: ['test/permissions'],
  },
  webhooks: {
    file: 'src/webhooks/sign.ts',
    is: '.update(`${id}.${seconds}.${body}`)',
    becomes: '.update(`${id}.${body}`)',
    tests: ['test/webhooks'],
  },
  authentication: {
    file: 'src/auth/api-keys.ts',
    is: 'if (expiresAt !== null && !(expiresAt > now)) return null;',
    becomes: '',
    tests: ['test/auth', 'test/http'],
  },
};
