import { cp, mkdtemp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { Bug } from '../helpers/bug.ts';
import { putIn } from '../helpers/bug.ts';

/** A bug, and the scenarios in which it shows: those whose names contain `only`. Without it, it may show in any. */
interface FoundBug extends Bug {
  only?: string;
}

/** What the harness has to find, to be believed when it finds nothing: for most, a fix taken out again. */
export const FAULT_BUGS: Readonly<Record<string, FoundBug>> = {
  'random-token': {
    file: 'src/domain/copy-token.ts',
    is: '`${jobId}\\n${destination}\\n${attempt}`',
    becomes: 'String(Math.random())',
  },
  'no-sweep': {
    file: 'src/worker/sweep.ts',
    is: 'if (job !== null) await producer.wakeJob(',
    becomes: 'if (job === undefined) await producer.wakeJob(',
  },
  'no-version-check': {
    file: 'src/store/lua/commit.lua',
    is: "if version ~= plan.from then return 'conflict' end",
    becomes: "if version > 0 and plan.from == 0 then return 'conflict' end",
  },
  'frozen-target': {
    file: 'src/sharing/plan.ts',
    is: 'besideHolds(asked, differences(asked, now), holds)',
    becomes:
      "besideHolds(asked, differences({ mode: 'set', set: asked.mode === 'patch' ? { ...request.before, accounts: [...new Set([...request.before.accounts, ...asked.add.accounts])], includeSnapshots: false, grantKeyAccess: false } : asked.set }, now), holds)",
    only: 'made private by hand',
  },
  'no-fence': {
    file: 'src/sharing/converge.ts',
    is: '      await fence();\n',
    becomes: '',
    only: 'between the write that announces a call and the call',
  },
  'no-read-back': {
    file: 'src/sharing/converge.ts',
    is: 'if (isMade && undo !== undefined) await afterGiving(undo);',
    becomes: '',
    only: 'before a permission call, made private meanwhile',
  },
  'withdrawal-waits': {
    file: 'src/worker/apply-permissions.ts',
    is: 'if (onlyWithdraws(job.change)) await stopEarlier(deps, scope, job);',
    becomes: '',
    only: 'made private while a change is stuck',
  },
  'failed-change-stays': {
    file: 'src/worker/apply-permissions.ts',
    is: 'return await undo(deps, scope, job, request, failureBecause(',
    becomes: 'return await fail(deps, job, failureBecause(',
    only: 'another tool',
  },
  'unfenced-attempt': {
    file: 'src/domain/job.ts',
    is: 'if (ref.attempt !== attempts) return false;',
    becomes: '',
    only: 'slow answers',
  },
  'credentials-are-final': {
    file: 'src/aws/error-codes.ts',
    is: "  ExpiredToken: { kind: 'credentials', advice: RENEW },",
    becomes: "  ExpiredToken: { kind: 'denied', advice: RENEW },",
    only: 'credentials that expire while',
  },
  'refusal-settles': {
    file: 'src/worker/remove-copy.ts',
    is: 'const transition: Transition = notFound(ref, deps.settings, stopped(ref));',
    becomes: 'const transition: Transition = stopped(ref);',
    only: 'a cancel whose answers are lost',
  },
  'removal-by-tag': {
    file: 'src/worker/find-copies.ts',
    is: '      isCopyOf(image, job, destination),',
    becomes: '      true,',
    only: 'carries the tags',
  },
  'one-answer-is-gone': {
    file: 'src/domain/transitions.ts',
    is: '  return polls >= POLLS && now - since >= goneMs;',
    becomes: '  return polls > 0;',
    only: 'empty lists',
  },
  'no-socket-timeout': {
    file: 'src/queue/connections.ts',
    is: '  socketTimeout: 1500,',
    becomes: '',
    only: 'open and are silent',
  },
  'hold-not-saved': {
    file: 'src/sharing/give-holds.ts',
    is: 'onCopy(holdsBegun(image, accounts)), planned);',
    becomes: 'onCopy(holdsBegun(image, accounts)));',
    only: 'hold-source',
  },
  'hold-of-others-taken': {
    file: 'src/domain/holds.ts',
    is: "  return one.state === 'queued' || one.state === 'waiting' || one.state === 'pending';",
    becomes: "  return one.state === 'queued';",
    only: 'hold-source',
  },
};

/** Names of scenarios in which a bug shows contain this; `undefined`: it may show in any. */
export function scenariosOf(name: string): string | undefined {
  return FAULT_BUGS[name]?.only;
}

/**
 * Copies the source into a directory of its own below `home`, and puts a bug into the copy.
 * @throws when there is no such bug, or when its place in the source is not there, once, any more
 */
export async function withBug(name: string, home: string): Promise<string> {
  const bug = FAULT_BUGS[name];
  if (bug === undefined) throw new Error(`--bug must be one of ${Object.keys(FAULT_BUGS).join(', ')}`);
  const dir = await mkdtemp(join(home, 'bug-'));
  for (const part of ['src', 'simulator', 'console', 'tools', 'package.json'])
    await cp(join(PROJECT_DIR, part), join(dir, part), { recursive: true });
  await symlink(join(PROJECT_DIR, 'node_modules'), join(dir, 'node_modules'));
  await putIn(dir, name, bug);
  return dir;
}
