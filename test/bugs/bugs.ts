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
    file: 'src/store/lua/commit.lua',
    is: "if version ~= plan.from then return 'conflict' end",
    becomes: "if version > 0 and plan.from == 0 then return 'conflict' end",
    tests: ['test/store'],
  },
  sharing: {
    file: 'src/sharing/differences.ts',
    is: '      launch: both(now.state, given),',
    becomes: '      launch: NOBODY,',
    tests: ['test/sharing'],
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
  'publishing without its scope': {
    file: 'src/sharing/allowed.ts',
    is: 'if (given.public && !mayPublish) {',
    becomes: 'if (given.public && !mayPublish && request.image.imageId === "") {',
    tests: ['test/sharing/exposure.test.ts'],
  },
  'an id that an expired key gives again': {
    file: 'src/store/idempotency.ts',
    is: 'idOf(Math.floor(now / ttl) + taken)',
    becomes: 'idOf(taken)',
    tests: ['test/http/idempotency.test.ts'],
  },
  "a wait queue in the order of the API's clock": {
    file: 'src/store/indexes.ts',
    is: "return job.state === 'running' ? ['ZADD', queue, 0, member] : ['PLACE', queue, 'queue', member];",
    becomes: "return ['ZADD', queue, job.state === 'running' ? 0 : job.createdAt, member];",
    tests: ['test/sharing'],
  },
  'a PATCH that takes what it does not name': {
    file: 'src/sharing/differences.ts',
    is: 'snapshots: perSnapshot(now, (has) => both(has, remove)) },',
    becomes:
      'snapshots: perSnapshot(now, (has) => ({ public: has.public, accounts: without(has.accounts, add.accounts) })) },',
    tests: ['test/sharing'],
  },
  'a body that is ignored': {
    file: 'src/http/plugins/json-body.ts',
    is: 'if (routeOptions.schema?.body === undefined && saysAnything(body))',
    becomes: 'if (routeOptions.schema?.body === undefined && body === null && saysAnything(body))',
    tests: ['test/http/ignored-bodies.test.ts'],
  },
  'a read back that Redis may miss': {
    file: 'src/sharing/read-back.ts',
    is: '    patience: READ_BACK_MS,',
    becomes: '    patience: -1,',
    tests: ['test/sharing/read-back.test.ts'],
  },
  'a retry of what was being taken down': {
    file: 'src/domain/retry-transitions.ts',
    is: "if (state !== 'failed' || typeof stoppingAt === 'number' || imageState === 'deregistered') return false;",
    becomes: "if (state !== 'failed') return false;",
    tests: ['test/domain', 'test/worker/fencing.test.ts'],
  },
  'a refusal of one call that ends what another has made': {
    file: 'src/domain/transitions.ts',
    is: 'found(job, ref)?.calledAgain === true ? null : transition(job, now);',
    becomes: 'transition(job, now);',
    tests: ['test/worker/called-again.test.ts'],
  },
  'a job that is deleted with an image to remove': {
    file: 'src/store/redis-store.ts',
    is: '(doneAt(job) ?? Infinity) > time',
    becomes: 'job.createdAt > time',
    tests: ['test/store/redis-store.test.ts'],
  },
  'a failed look at the credentials that lasts': {
    file: 'src/http/readiness.ts',
    is: '(ok ? CREDENTIALS_FRESH_MS : CREDENTIALS_RETRY_MS)',
    becomes: 'CREDENTIALS_FRESH_MS * (ok ? 1 : CREDENTIALS_RETRY_MS / 1000)',
    tests: ['test/http/health.test.ts'],
  },
  'no word that no worker is running': {
    file: 'src/http/readiness.ts',
    is: 'running > 0 ? null : why',
    becomes: 'running >= 0 ? null : why',
    tests: ['test/http/health.test.ts', 'test/store/workers.test.ts'],
  },
  'a web page taken for an answer': {
    file: 'src/aws/expected-answers.ts',
    is: 'result.response.statusCode < 300) await check(',
    becomes: 'result.response.statusCode < 200) await check(',
    tests: ['test/aws', 'test/worker/stale-answers.test.ts'],
  },
  'no fence before a further try of the SDK': {
    file: 'src/aws/fenced-tries.ts',
    is: 'if (tries > 1) await fence()',
    becomes: 'if (tries < 1) await fence()',
    tests: ['test/aws'],
  },
  'a wake-up before its record': {
    file: 'src/store/redis-store.ts',
    is: '    const written = commit(this.#redis, context, writes);\n    const woken = this.#wake(wakeUpsOf(writes, this.now()));\n',
    becomes:
      '    const woken = this.#wake(wakeUpsOf(writes, this.now()));\n    await woken;\n    const written = commit(this.#redis, context, writes);\n',
    tests: ['test/store', 'test/worker/wake-ups.test.ts'],
  },
  'grants for accounts that are not named': {
    file: 'src/sharing/apply.ts',
    is: '  const grantees = granteesOf(asked);\n  const left',
    becomes:
      '  const wanted = granteesOf(asked);\n  const grantees = wanted.length > 0 ? [...new Set([...wanted, ...one.now.state.accounts])] : wanted;\n  const left',
    tests: ['test/sharing'],
  },
};
