import { until } from '../helpers/waiting.ts';
import { call, write } from './moments.ts';
import type { Scenario } from './scenario.ts';
import { copy, listen } from './scenes.ts';
import type { Stage } from './stage.ts';
import { thousand } from './thousand.ts';
import type { RedisSighting } from './wire/sightings.ts';
import { anyTime, outage } from './waits.ts';

/** What goes wrong around the processes: EC2, the network, Redis, signals, clocks. */
type Fault = Omit<Scenario, 'kind'>;

const EC2_ERRORS = 'EC2 5xx, hang, connection reset';
const REDIS = 'Redis killed and restarted with AOF';

/** Jobs by the dozen, so that whatever happens now happens in the middle of something. */
async function load(stage: Stage, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => stage.ask({})));
}

/** How many of Redis' latest commands are kept, to say what became of a step that stalled. */
const REMEMBERED = 5000;

/** Complains of each step that BullMQ takes for stalled, with every command that named it: who took it up, who renewed its lock, and when. */
async function untilNothingStalled(stage: Stage, during: () => Promise<void>): Promise<void> {
  const latest: { at: string; seen: RedisSighting }[] = [];
  const historyOf = (step: string) =>
    latest
      .filter(
        ({ seen }) =>
          seen.args.some((arg) => arg.includes(step)) || JSON.stringify(seen.answer).includes(step),
      )
      .map(({ at, seen: { process, phase, command } }) => `${at} ${process} ${phase} ${command}`);
  const unwatch = stage.stack.traffic.watch((seen) => {
    if (seen.link !== 'redis') return undefined;
    latest.push({ at: new Date().toISOString().slice(11, 23), seen });
    if (latest.length > REMEMBERED) latest.shift();
    const isCheck = seen.phase === 'reply' && seen.command === 'moveStalledJobsToWait';
    for (const step of isCheck && Array.isArray(seen.answer) ? seen.answer.map(String) : []) {
      const history = historyOf(step);
      // Only the check names it: a worker that was killed in an earlier round had it.
      if (history.length > 1) stage.complain(`stalled after SIGTERM: ${step} (${history.join('; ')})`);
    }
    return undefined;
  });
  stage.cleanUp(unwatch);
  await during();
}

/** SIGTERM under load: ended by itself within the promised time. */
async function terminate(stage: Stage, name: string): Promise<void> {
  const { process } = stage.stack.part(name);
  const { pid } = process;
  const since = performance.now();
  process.kill('SIGTERM');
  const { ending } = stage.bounds;
  await until(() => process.pid !== pid, 1.5 * ending);
  const took = performance.now() - since;
  if (took > ending) stage.complain(`${name} took ${(took / 1000).toFixed(1)} s to end after SIGTERM`);
}

/** While Redis is away the API says so, at once, and stays up. An answer may be late once: this machine may be busy. */
async function expectUnavailable(stage: Stage, late = 0): Promise<void> {
  const since = performance.now();
  const answer = await fetch(`${stage.stack.apiUrl}/jobs`, {
    signal: AbortSignal.timeout(5 * stage.bounds.unavailable),
  });
  await answer.arrayBuffer();
  const took = performance.now() - since;
  const retryAfter = answer.headers.get('retry-after');
  if (answer.status !== 503 || retryAfter === null)
    stage.complain(`without Redis the API answered ${answer.status}, Retry-After ${retryAfter ?? 'missing'}`);
  if (took <= stage.bounds.unavailable) return;
  if (late > 0) stage.complain(`without Redis the API answered after ${took.toFixed(0)} ms, twice`);
  else await expectUnavailable(stage, late + 1);
}

/** Redis is killed in the middle of something, stays away for so long, and comes back. */
async function redisAway(stage: Stage, seconds: number): Promise<void> {
  const { redis } = stage.stack;
  const { pid } = stage.stack.api.process;
  await load(stage, 4);
  await redis.kill();
  const deadline = performance.now() + seconds * 1000;
  try {
    while (performance.now() < deadline) {
      await expectUnavailable(stage);
      await outage(500);
    }
  } finally {
    await redis.startAgain();
  }
  if (stage.stack.api.process.pid !== pid) stage.complain('the API did not outlive the loss of Redis');
  await load(stage, 2);
}

/** A worker with a clock that is off by so much works beside one whose clock is right, and is then killed. */
async function clockOff(stage: Stage, seconds: number): Promise<void> {
  const { process } = stage.random.shuffled(stage.stack.workers)[0] ?? stage.stack.api;
  await process.restartWith({
    NODE_OPTIONS: `--import=${new URL('stack/shifted-clock.ts', import.meta.url).href}`,
    CLOCK_SHIFT_SECONDS: String(seconds),
  });
  stage.cleanUp(() => process.restartWith({}));
  // For a while it does everything alone.
  for (const worker of stage.stack.workers) if (worker.process !== process) worker.process.kill();
  await copy(stage);
  await load(stage, 3);
  await stage.untilSubject((_, job) => job.finishedAt !== null);
  await stage.stack.ready();
  // Steps that it put off, by its own clock, are due by that of others afterwards.
  await stage.stack.control.fault({ action: 'CopyImage', times: 12, error: 'RequestLimitExceeded' });
  const last = load(stage, 3);
  await process.restartWith({});
  await last;
  await stage.untilAllEnded();
  // What it left behind must not keep the others waiting for an hour either.
  await load(stage, 2);
}

/** Only with `--long`. */
export const MINUTE: Scenario = {
  name: 'Redis away for 60 s',
  row: 'Redis down 60 s',
  kind: 'fault',
  play: (stage) => redisAway(stage, 60),
};

const FAULTS: readonly Fault[] = [
  {
    name: 'worker killed at any moment',
    row: 'worker kill -9 at each step, twice in a row',
    async play(stage) {
      await Promise.all(Array.from({ length: 4 }, () => stage.ask({ seconds: 1 })));
      for (const { process } of stage.random.shuffled(stage.stack.workers)) {
        await anyTime(stage.random, 0, 900);
        process.kill();
      }
    },
  },
  {
    name: 'API killed under load',
    row: 'API kill -9 under load',
    async play(stage) {
      const asking = load(stage, 30);
      await anyTime(stage.random, 20, 250);
      stage.stack.api.process.kill();
      await asking;
    },
  },
  { name: 'Redis killed', row: REDIS, play: (stage) => redisAway(stage, 0.5) },
  { name: 'Redis away for 5 s', row: 'Redis down 60 s', play: (stage) => redisAway(stage, 5) },
  {
    name: 'connections to Redis cut, again and again',
    row: REDIS,
    async play(stage) {
      const asking = load(stage, 8);
      for (let i = 0; i < 6; i += 1) {
        await anyTime(stage.random, 20, 200);
        for (const part of [stage.stack.api, ...stage.stack.workers]) part.redis.cut();
      }
      await asking;
    },
  },
  {
    name: 'one worker cut off from Redis, nothing closed',
    row: REDIS,
    async play(stage) {
      const [worker] = stage.random.shuffled(stage.stack.workers);
      await copy(stage);
      worker?.redis.hang();
      stage.cleanUp(() => worker?.redis.speak());
      await load(stage, 2);
      await outage(5000);
      worker?.redis.speak();
    },
  },
  {
    name: 'connections to EC2 cut, again and again',
    row: EC2_ERRORS,
    async play(stage) {
      const asking = load(stage, 6);
      for (let i = 0; i < 6; i += 1) {
        await anyTime(stage.random, 20, 200);
        for (const worker of stage.stack.workers) worker.ec2.cut();
      }
      await asking;
    },
  },
  {
    name: 'callers cut off from the API',
    row: 'API kill -9 under load',
    async play(stage) {
      const asking = load(stage, 12);
      for (let i = 0; i < 3; i += 1) {
        await anyTime(stage.random, 10, 60);
        stage.stack.clients.cut();
      }
      await asking;
    },
  },
  {
    name: 'RequestLimitExceeded, a storm',
    row: 'RequestLimitExceeded storm',
    async play(stage) {
      await load(stage, 2);
      await stage.stack.control.fault({ action: '*', times: 25, error: 'RequestLimitExceeded' });
      await copy(stage);
      await stage.untilSubject((_, job) => job.finishedAt !== null);
      const attempts = stage.stack.traffic.named(stage.subject.name)?.destinations.map((one) => one.attempts);
      if (attempts?.some((one) => one > 1)) stage.complain('throttling used up an attempt');
    },
  },
  {
    name: 'ResourceLimitExceeded in one region',
    row: 'ResourceLimitExceeded on copy slots',
    async play(stage) {
      const [busy = '', idle = ''] = stage.own;
      await stage.stack.control.fault({
        action: 'CopyImage',
        region: busy,
        times: 3,
        error: 'ResourceLimitExceeded',
      });
      await stage.askSubject({ regions: [busy, idle] });
      await stage.untilSubject(([one, other]) => {
        if (one?.state === 'succeeded' && other?.state !== 'succeeded')
          stage.complain('a full region held up another one');
        return other?.state === 'succeeded';
      });
    },
  },
  {
    name: 'EC2 answers 500 and 503',
    row: EC2_ERRORS,
    async play(stage) {
      const { control } = stage.stack;
      await load(stage, 2);
      await control.fault({ action: 'CopyImage', times: 4, error: 'InternalError', status: 500 });
      await control.fault({
        action: 'CopyImage',
        times: 2,
        when: 'after',
        error: 'Unavailable',
        status: 503,
      });
      await control.fault({ action: 'DescribeImages', times: 4, error: 'Unavailable', status: 503 });
      await control.fault({ action: 'DescribeSnapshots', times: 4, error: 'InternalError', status: 500 });
      await copy(stage);
    },
  },
  {
    name: 'EC2 never answers CopyImage',
    row: EC2_ERRORS,
    async play(stage) {
      const [region = ''] = stage.own;
      const when = stage.random.chance(0.5) ? 'before' : 'after';
      await stage.stack.control.fault({ action: 'CopyImage', region, hang: true, when });
      await copy(stage);
    },
  },
  {
    name: 'EC2 resets, before and after it did its work',
    row: EC2_ERRORS,
    async play(stage) {
      const { control } = stage.stack;
      await control.fault({ action: 'CopyImage', times: 3, drop: true, when: 'after' });
      await control.fault({ action: 'CopyImage', times: 2, drop: true });
      await copy(stage);
    },
  },
  {
    name: 'EC2 does not know the new image for a while',
    row: 'NotFound right after CopyImage',
    async play(stage) {
      await stage.stack.control.settings({ consistencyDelayMs: 1500 });
      stage.cleanUp(() => stage.stack.control.settings({ consistencyDelayMs: 0 }));
      await copy(stage);
    },
  },
  {
    name: 'a copy fails later',
    row: 'copy fails asynchronously (bad key)',
    async play(stage) {
      const [bad = '', good = ''] = stage.own;
      const copyFails = { reason: 'internal error', snapshotReason: 'Given key ID is not accessible' };
      await stage.stack.control.fault({ action: 'CopyImage', region: bad, copyFails });
      await stage.askSubject({ regions: [bad, good], ends: ['partial'] });
      await stage.untilSubject((_, job) => job.finishedAt !== null);
      const told = stage.stack.traffic.named(stage.subject.name)?.destinations[0]?.error?.message ?? '';
      if (!told.includes(copyFails.reason) || !told.includes(copyFails.snapshotReason))
        stage.complain(`the reason of the failure is not told: ${told}`);
    },
  },
  {
    name: "EC2's own events lost, twice, and SQS away",
    row: "EC2's own events: lost, twice, SQS away",
    async play(stage) {
      const { control, workers } = stage.stack;
      await listen(stage);
      stage.cleanUp(() => control.settings({ eventDelivery: 'once' }));
      for (const eventDelivery of ['once', 'twice', 'lost'] as const) {
        await control.settings({ eventDelivery });
        await stage.askOthers(2);
        await stage.untilAllEnded();
      }
      await control.settings({ eventDelivery: 'once' });
      await stage.ask({ seconds: 2 });
      await control.fault({ action: 'ReceiveMessage', times: 10_000, drop: true });
      for (const worker of workers) worker.ec2.cut();
      await copy(stage);
      await stage.untilAllEnded();
    },
  },
  {
    name: 'SIGTERM to a worker under load',
    row: 'SIGTERM',
    play: (stage) =>
      untilNothingStalled(stage, async () => {
        await load(stage, 5);
        await terminate(stage, stage.random.shuffled(stage.stack.workers)[0]?.process.name ?? '');
      }),
  },
  {
    name: 'SIGTERM to a worker that waits for EC2',
    row: 'SIGTERM',
    play: (stage) =>
      untilNothingStalled(stage, async () => {
        await stage.stack.control.fault({ action: 'CopyImage', region: stage.own[0] ?? '', delayMs: 3000 });
        const held = Promise.withResolvers<string>();
        stage.holdAt(call('request', 'CopyImage'), async (process) => held.resolve(process));
        await copy(stage);
        await terminate(stage, await held.promise);
      }),
  },
  {
    name: 'SIGTERM to the API under load',
    row: 'SIGTERM',
    async play(stage) {
      const asking = load(stage, 15);
      await anyTime(stage.random, 10, 100);
      await terminate(stage, 'api');
      await asking;
    },
  },
  {
    name: 'a worker and the API write at once',
    row: 'SIGSTOP past the lock, then SIGCONT',
    async play(stage) {
      // The write of the image id waits until the API has written that the copy is cancelled.
      const asked = Promise.withResolvers<string>();
      stage.holdAt(
        write('request', 'worker', (after, before) => before?.imageId === null && after.imageId !== null),
        async () => stage.client.cancel(await asked.promise),
      );
      const { id } = await stage.askSubject({ seconds: 30, ends: ['cancelled'] });
      asked.resolve(id);
    },
  },
  {
    name: '1,000 identical POSTs at once with one key',
    row: '1,000 identical POSTs at once with one Idempotency-Key',
    play: (stage) => thousand(stage, 'one key'),
  },
  {
    name: '1,000 POSTs at once without a key',
    row: '1,000 identical POSTs at once with one Idempotency-Key',
    play: (stage) => thousand(stage, 'no key'),
  },
  { name: 'a worker an hour ahead', row: 'clock an hour off', play: (stage) => clockOff(stage, 3600) },
  { name: 'a worker an hour behind', row: 'clock an hour off', play: (stage) => clockOff(stage, -3600) },
];

export const FAULT_SCENARIOS: readonly Scenario[] = FAULTS.map((fault) => ({ ...fault, kind: 'fault' }));
