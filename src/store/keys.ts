import type { Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { JobKind, JobState } from '../domain/job.ts';

/**
 * Every key of the store. The prefix is in braces, so that on a cluster all of them share one slot and one script
 * may touch several.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `job:<id>` | hash | `version`, and `record` (JSON) or `packed` (the same, over 64 KiB, with nothing in it twice) |
 * | `log:<id>` | list | what happened to the job, each event with its id before it |
 * | `events` | stream | what happened lately to any job; it gives the ids |
 * | `jobs`, `jobs:state:…`, `jobs:kind:…`, `jobs:image:…`, `jobs:by:…` | zset by creation | ids, for listing |
 * | `unfinished` | zset by when anything is next due, +inf while EC2 copies | ids, for the sweeper |
 * | `finished` | zset by end | ids of those with nothing left to do, for retention |
 * | `pending:<scope>` | hash | image id → the copy that is being tracked |
 * | `event-hints:<scope>` | hash with expiry | images under way that EC2 reported, and the name of the poll that is to take them |
 * | `slots:<scope>` | set | destinations that take up a copy slot |
 * | `waiting:<scope>` | zset by arrival | destinations that wait for a slot, or for EC2's limit of CopyImage calls |
 * | `waiting:<scope>:timed` | zset by arrival | those of time-based copies, which may have to wait for throughput besides |
 * | `wait-queues` | set | scopes in which destinations wait |
 * | `calls:<scope>:<operation>` | hash with expiry | what is left to call of EC2's limit of calls |
 * | `change-queue:<scope>:<image>` | zset by arrival | changes of permissions of one image, in the order in which they are made |
 * | `full:<scope>`, `full:<scope>:timed` | string with expiry | EC2 said that its own limit is reached, for all copies or for time-based ones |
 * | `limit:<scope>` | string with expiry | how many copies at once EC2 takes there, as one showed for which it had no room |
 * | `idempotency:<hash>` | string with expiry | what became of a request with an Idempotency-Key |
 * | `audit` | stream | who asked for what, and what became of it (audit-log.ts) |
 * | `gone:<hash>` | string with expiry | an endpoint of webhooks that answered 410 |
 * | `rate:<caller>` | string with expiry | requests that a caller has taken of this minute |
 * | `queue-session:<hash>` | string with expiry | a browser that may look at /queues |
 * | `lease:<step>` | string with expiry | a recurring step is not to be done again yet |
 * | `workers` | zset by last heartbeat, with expiry | worker processes that run |
 * | `scopes` | zset by due time | scopes that have anything pending or waiting |
 */
export function storeKeys(prefix: string) {
  const key = (...parts: string[]) => [prefix, ...parts].join(':');
  return {
    job: (id: string) => key('job', id),
    log: (id: string) => key('log', id),
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
    idempotency: (hash: string) => key('idempotency', hash),
    queueSession: (hash: string) => key('queue-session', hash),
    lease: (step: string) => key('lease', step),
    workers: key('workers'),
    scopes: key('scopes'),
    audit: key('audit'),
    /** Pub/sub: everything that happens to any job. */
    feed: key('feed'),
  };
}

export type StoreKeys = ReturnType<typeof storeKeys>;
