import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { externalIdFile } from '../../test/helpers/accounts.ts';
import { storeKeys } from '../../src/store/keys.ts';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { figure, megabytes } from '../figures.ts';
import { eachOf, PREFIX, REGIONS, requestCopy, until } from '../harness/copies.ts';
import { countsOf } from '../harness/ledger.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { settledBytes } from '../harness/process-memory.ts';

const AIM_MIB = 400;

/** Destinations of one request: the most that a job may have. */
const A_JOB = 100;

export const scopes: Benchmark = {
  name: 'scopes',
  title: 'Many accounts',
  question:
    'How much memory a worker takes that polls thousands of scopes (account and region), each with one pending copy: SDK clients and sessions are bounded, so that it does not grow with the scopes.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const [accounts, rounds] = bench.mode === 'quick' ? [6, 1] : [240, 3];
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench, { copySeconds: 86_400, copySlots: 100_000 });
  const names = Array.from({ length: accounts }, (_, i) => String(500_000_000_000 + i));
  const file = join(bench.dir, 'accounts.json');
  const role = { name: 'amiferry-target', externalIdFile: externalIdFile() };
  writeFileSync(file, JSON.stringify({ role, accounts: Object.fromEntries(names.map((one) => [one, {}])) }));
  const env = serviceEnv(redisUrl, ec2, { ACCOUNTS_FILE: file, COPY_SLOTS: '10000', LOG_LEVEL: 'warn' });
  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());
  const api = await startApi(bench, env);
  const worker = await startWorker(bench, env);
  const [before = 0] = await settledBytes([worker.pid], 2);

  const all = names.flatMap((account) => REGIONS.map((region) => ({ account, region })));
  bench.say(`requesting copies into ${all.length} scopes`);
  const jobs = Array.from({ length: Math.ceil(all.length / A_JOB) }, (_, i) =>
    all.slice(i * A_JOB, (i + 1) * A_JOB),
  );
  await eachOf(jobs, 2, (destinations) => requestCopy(api.url, { destinations }));
  const { scopes: tracked } = storeKeys(PREFIX);
  await until('a copy pending in each scope', 900, async () => {
    const { copyImage } = await ec2.control.calls();
    return copyImage.length >= all.length && (await redis.zcard(tracked)) >= all.length;
  });
  const polled = async () => countsOf(await ec2.control.calls())['DescribeImages'] ?? 0;
  const first = await polled();
  bench.say('polling each scope');
  await until('polls of each scope', 900, async () => (await polled()) - first >= rounds * all.length);
  await sleep(1000);
  const [apiBytes = 0, workerBytes = 0] = await settledBytes([api.pid, worker.pid], 10);
  await Promise.all([api.stop(), worker.stop()]);

  const mib = workerBytes / 1024 / 1024;
  const mb = (bytes: number) => figure(megabytes(bytes));
  return {
    tables: [
      {
        title: 'Resident memory, MB',
        columns: ['', 'MB'],
        rows: [
          ['worker, as it starts', mb(before)],
          [`worker, ${figure(all.length)} scopes polled`, mb(workerBytes)],
          ['API, which accepted the jobs', mb(apiBytes)],
        ],
      },
    ],
    plots: [],
    goals: [
      {
        what: `worker memory resident with ${figure(all.length)} scopes polled`,
        aim: `below ${AIM_MIB} MiB`,
        measured: `${figure(mib)} MiB`,
        met: mib < AIM_MIB,
      },
    ],
    method: [
      `${figure(accounts)} accounts, each with a role that the worker assumes, times ${REGIONS.length} regions; one copy each that stays pending, by jobs of ${A_JOB} destinations. POLL_SECONDS is its default. Memory is VmRSS from /proc, the median of ten seconds, after each scope was polled ${rounds} times. The worker runs as \`npm run worker\` starts it.`,
    ],
  };
}
