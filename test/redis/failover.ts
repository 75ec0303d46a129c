import { Redis } from 'ioredis';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { CopyJob } from '../../src/http/schemas/job.ts';
import { startSimulator } from '../../simulator/index.ts';
import { runEntry } from '../helpers/processes.ts';
import type { RedisServer } from '../helpers/redis-servers.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import { GOLDEN_WEB } from '../helpers/service.ts';

/** Milliseconds between two POSTs. */
const PACE = 200;
/** Jobs that are at work, or done, when the master dies. */
const BEFORE = 10;
/** Jobs that are accepted after that, at least. */
const AFTERWARDS = 5;
interface Accepted {
  id: string;
  /** When it was asked for and answered, by this process's clock, milliseconds. */
  sent: number;
  at: number;
}

export interface FailoverReport {
  accepted: number;
  /** Jobs that the replicas had before the failure, or that were asked for after it, and that are not there. */
  lost: number;
  /** Redis replicates without waiting: jobs of the moment between, which may be lost. */
  lostInWindow: number;
  /** How the jobs ended: state → number. */
  states: Record<string, number>;
  /** Copies of one job and region beyond the first. */
  duplicates: number;
  /** From the failure to the next 202, milliseconds. */
  acceptedAgainMs: number;
  /** From the failure to the next CopyImage, milliseconds. */
  workedAgainMs: number;
  statuses: Record<string, number>;
  /** Of a job that was at work over the failure, as a client saw it on one stream until that ended by itself. */
  stream: { ids: string[]; types: string[] };
}

/** API and workers on a Redis whose master gets the signal while copies are asked for and made. */
export async function playFailover(
  redisUrl: string,
  master: RedisServer,
  signal: NodeJS.Signals,
  workers: number,
): Promise<FailoverReport> {
  const simulator = await startSimulator({ copySeconds: 2 });
  const port = await freePort();
  const env = {
    REDIS_URL: redisUrl,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: simulator.url,
    AWS_ACCESS_KEY_ID: 'AKIASIM111111111111',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    AWS_EC2_METADATA_DISABLED: 'true',
    POLL_SECONDS: '1',
    SWEEP_SECONDS: '2',
    RATE_LIMIT: '0',
    LOG_LEVEL: 'warn',
  };
  const entries = ['src/bin/api.ts', ...Array.from({ length: workers }, () => 'src/bin/worker.ts')];
  const runs = entries.map((entry) => runEntry(PROJECT_DIR, entry, { ...env, PORT: String(port) }));
  const url = `http://127.0.0.1:${port}`;
  try {
    let last = 'no answer';
    const ready = async () => {
      const answer = await fetch(`${url}/health/ready`).catch(() => null);
      last = (await answer?.text()) ?? last;
      return answer?.status === 200;
    };
    await until(ready).catch((error: unknown) => {
      throw new Error([last, ...runs.map((run) => run.output())].join('\n'), { cause: error });
    });
    return await drive(url, simulator.url, master, signal);
  } finally {
    for (const run of runs) run.kill('SIGTERM');
    await Promise.all(runs.map((run) => run.ended));
    await simulator.close();
  }
}

async function drive(
  url: string,
  ec2: string,
  master: RedisServer,
  signal: NodeJS.Signals,
): Promise<FailoverReport> {
  const accepted: Accepted[] = [];
  const statuses: Record<string, number> = {};
  const post = async () => {
    const sent = performance.now();
    const answer = await ask(url);
    const told = answer === null ? 'no answer' : String(answer.status);
    statuses[told] = (statuses[told] ?? 0) + 1;
    if (answer?.status === 202)
      accepted.push({ id: ((await answer.json()) as CopyJob).id, sent, at: performance.now() });
  };
  const posts: Promise<void>[] = [];
  const posting = setInterval(() => void posts.push(post()), PACE);
  await until(() => accepted.length >= BEFORE);
  const copies = async () =>
    ((await (await fetch(`${ec2}/_simulator/calls`)).json()) as { copyImage: unknown[] }).copyImage.length;
  const stream = await openStream(url, accepted.at(-1)?.id ?? '');
  const replicatedTo = performance.now();
  await untilReplicated(master);
  master.kill(signal);
  const failedAt = performance.now();
  const afterwards = ({ sent }: Accepted) => sent > failedAt;
  const before = await copies();
  await until(() => accepted.some(afterwards));
  const acceptedAgainMs = (accepted.find(afterwards)?.at ?? 0) - failedAt;
  await until(async () => (await copies()) > before);
  const workedAgainMs = performance.now() - failedAt;
  await until(() => accepted.filter(afterwards).length >= AFTERWARDS);
  clearInterval(posting);
  await Promise.all(posts);
  const mayBeLost = ({ sent, at }: Accepted) => at > replicatedTo && sent < failedAt;
  const ends = await untilEnded(url, accepted, mayBeLost);
  const calls = (await (await fetch(`${ec2}/_simulator/calls`)).json()) as {
    copyImage: { region: string; imageId: string | null; clientToken: string }[];
  };
  const byToken = Map.groupBy(
    calls.copyImage.filter(({ imageId }) => imageId !== null),
    ({ region, clientToken }) => `${region} ${clientToken}`,
  );
  const duplicates = [...byToken.values()].filter(
    (same) => new Set(same.map(({ imageId }) => imageId)).size > 1,
  ).length;
  return {
    accepted: accepted.length,
    ...ends,
    duplicates,
    acceptedAgainMs,
    workedAgainMs,
    statuses,
    stream: await eventsOf(stream),
  };
}

/** Waits until the replicas have all that the master has acknowledged so far. */
async function untilReplicated({ port }: RedisServer): Promise<void> {
  const redis = new Redis(port, '127.0.0.1');
  try {
    const [, replicas] = /connected_slaves:(\d+)/.exec(await redis.info('replication')) ?? [];
    // WAIT is about what its own connection wrote, and so about everything before that.
    await redis.set('{amiferry}:replicated', '1', 'EX', 60);
    const reached = await redis.wait(Number(replicas), PATIENCE);
    if (reached < Math.max(1, Number(replicas)))
      throw new Error(`${reached} of ${replicas} replicas are there`);
  } finally {
    redis.disconnect();
  }
}

async function openStream(url: string, id: string): Promise<Response> {
  const answer = await fetch(`${url}/jobs/${id}/events`);
  if (answer.status !== 200) throw new Error(`no stream: ${answer.status}`);
  return answer;
}

/** A job's events. Its stream ends after the job's end. */
async function eventsOf(answer: Response): Promise<FailoverReport['stream']> {
  const text = await answer.text();
  const all = (field: string) =>
    [...text.matchAll(new RegExp(`^${field}: (.+)$`, 'gm'))].map(([, value = '']) => value);
  return { ids: all('id'), types: all('event') };
}

async function ask(url: string): Promise<Response | null> {
  return fetch(`${url}/amis/${GOLDEN_WEB.imageId}/copies`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ destinations: [{ region: 'eu-west-1' }] }),
    signal: AbortSignal.timeout(5000),
  }).catch(() => null);
}

async function untilEnded(url: string, accepted: readonly Accepted[], mayBeLost: (one: Accepted) => boolean) {
  const states: Record<string, number> = {};
  let [lost, lostInWindow] = [0, 0];
  for (const one of accepted) {
    const { id } = one;
    let job: CopyJob | null = null;
    await until(async () => {
      const answer = await fetch(`${url}/jobs/${id}`);
      job = answer.status === 200 ? ((await answer.json()) as CopyJob) : null;
      return answer.status === 404 || (job !== null && job.finishedAt !== null);
    });
    // oxlint-disable-next-line typescript/no-unnecessary-condition -- set in the closure
    const state = (job as CopyJob | null)?.state ?? 'missing';
    states[state] = (states[state] ?? 0) + 1;
    if (state !== 'missing') continue;
    if (mayBeLost(one)) lostInWindow += 1;
    else lost += 1;
  }
  return { lost, lostInWindow, states };
}
