import type { Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { JobKind, JobState } from '../domain/job.ts';

/**
 * Every key of the store. The prefix is in braces: on a cluster all keys then share one hash slot, and one script may use
 * several of them.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `job:<id>` | hash | `version`, and `record` (JSON) or `packed` (the same without repeated values, from 64 KiB on) |
 * | `log:<id>` | list | events of the job, each with its id before it |
 * | `deliveries:<id>`, `messages:<id>` | hash by number | webhook deliveries of a job, and the bodies of their messages |
 * | `deliveries-due` | zset by due time of the next try | `<id>/<number>` of the pending deliveries, for the sweep |
 * | `events` | stream | the latest events of all jobs; it assigns the ids |
 * | `jobs`, `jobs:state:…`, `jobs:kind:…`, `jobs:image:…`, `jobs:by:…` | zset by creation | ids, for listing |
 * | `unfinished` | zset by due time of the next step, +inf while EC2 copies | ids, for the sweep |
 * | `finished` | zset by end | ids of jobs with nothing left to do, for retention |
 * | `pending:<scope>` | hash | image id → the copy that is being tracked |
 * | `event-hints:<scope>` | hash with expiry | pending images that EC2 reported, and the name of the poll that is to take them |
 * | `slots:<scope>` | set | destinations that hold a copy slot |
 * | `waiting:<scope>` | zset by arrival | destinations that wait for a slot, or for EC2's limit of CopyImage calls |
 * | `waiting:<scope>:timed` | zset by arrival | the same for time-based copies, which may also have to wait for throughput |
 * | `wait-queues` | set | scopes in which destinations wait |
 * | `calls:<scope>:<operation>` | hash with expiry | the call budget that is left of EC2's limit |
 * | `change-queue:<scope>:<image>` | zset by arrival | changes of permissions of one image, in the order in which they are made |
 * | `holds:<scope>:<image>` | hash | account → the access to an image that the service gave it for copies (JSON), and has to take back |
 * | `hold-users:<scope>:<image>` | set | `<account> <job>` for each job with copies of the image into the account that EC2 has not made yet |
 * | `full:<scope>`, `full:<scope>:timed` | string with expiry | EC2 said that its own limit is reached, for all copies or for time-based ones |
 * | `limit:<scope>` | string with expiry | how many concurrent copies EC2 allows there, learnt from a copy for which it had no room |
 * | `idempotency:<hash>` | string with expiry | the state of a request with an Idempotency-Key |
 * | `audit` | stream | requests with their principals, and their results (audit-log.ts) |
 * | `gone:<hash>` | string with expiry | a webhook endpoint that answered 410 |
 * | `rate:<caller>` | string with expiry | requests that a caller has made in this minute |
 * | `queue-session:<hash>` | string with expiry | a browser session for /queues |
 * | `lease:<step>` | string with expiry | a recurring step that is not to be run again yet |
 * | `unit-accounts` | hash | organizational unit → its accounts, and when AWS Organizations listed them (JSON) |
 * | `workers` | zset by last heartbeat, with expiry | worker processes that run |
 * | `scopes` | zset by due time | scopes that have anything pending or waiting |
 */
export function storeKeys(prefix: string) {
  const key = (...parts: string[]) => [prefix, ...parts].join(':');
  return {
    job: (id: string) => key('job', id),
    log: (id: string) => key('log', id),
    deliveries: (id: string) => key('deliveries', id),
    messages: (id: string) => key('messages', id),
    deliveriesDue: key('deliveries-due'),
    allEvents: key('events'),
    goneEndpoint: (hash: string) => key('gone', hash),
    jobs: key('jobs'),
    jobsByState: (state: JobState) => key('jobs', 'state', state),
    jobsByKind: (kind: JobKind) => key('jobs', 'kind', kind),
    jobsByPrincipal: (id: string) => key('jobs', 'by', id),
    jobsByImage: (imageId: string) => key('jobs', 'image', imageId),
    unfinished: key('unfinished'),
    finished: key('finished'),
    pending: (scope: Scope) => key('pending', scopeKey(scope)),
    eventHints: (scope: Scope) => key('event-hints', scopeKey(scope)),
    slots: (scope: Scope) => key('slots', scopeKey(scope)),
    waiting: (scope: Scope) => key('waiting', scopeKey(scope)),
    waitingTimed: (scope: Scope) => key('waiting', scopeKey(scope), 'timed'),
    waitQueues: key('wait-queues'),
    calls: (scope: Scope, operation: string) => key('calls', scopeKey(scope), operation),
    full: (scope: Scope) => key('full', scopeKey(scope)),
    fullTimed: (scope: Scope) => key('full', scopeKey(scope), 'timed'),
    limit: (scope: Scope) => key('limit', scopeKey(scope)),
    changeQueue: (scope: Scope, imageId: string) => key('change-queue', scopeKey(scope), imageId),
    holds: (scope: Scope, imageId: string) => key('holds', scopeKey(scope), imageId),
    holdUsers: (scope: Scope, imageId: string) => key('hold-users', scopeKey(scope), imageId),
    idempotency: (hash: string) => key('idempotency', hash),
    queueSession: (hash: string) => key('queue-session', hash),
    lease: (step: string) => key('lease', step),
    unitAccounts: key('unit-accounts'),
    workers: key('workers'),
    scopes: key('scopes'),
    audit: key('audit'),
    /** Pub/sub: the events of all jobs. */
    feed: key('feed'),
  };
}

export type StoreKeys = ReturnType<typeof storeKeys>;
