import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { bar, cell } from '../figures.ts';
import { destination, REGIONS, requestCopy, until } from '../harness/copies.ts';
import type { Ec2 } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { sdkClients } from '../harness/sdk.ts';
import { alternate, percentile, ratios, spread } from '../statistics.ts';

/** Milliseconds in which all calls have usually been made. */
const QUIET_MS = 200;

export const fanOut: Benchmark = {
  name: 'fan-out',
  title: 'Fanning out',
  question:
    'One request names 17 regions: how long until EC2 has the last of its 17 CopyImage calls, held against a program that has the SDK loaded and calls all 17 itself, at once and with nothing written down.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench, { copySeconds: 86_400 });
  // Copies only pile up here: looking at them must not disturb the measurement.
  const env = serviceEnv(redisUrl, ec2, { POLL_SECONDS: '300' });
  const api = await startApi(bench, env);
  await startWorker(bench, env);
  const sdk = await sdkClients(ec2.url);
  await bench.unwind.add('sdk', async () => sdk.close());

  const body = { destinations: REGIONS.map(destination) };
  const sides = {
    amiferry: () => untilLastCopy(ec2, () => requestCopy(api.url, body)),
    direct: () => untilLastCopy(ec2, () => Promise.all(REGIONS.map((region) => sdk.copy(region)))),
  };
  bench.say('each three times, to warm up');
  await alternate(3, sides);
  bench.say('each in turn');
  return finding(await alternate(bench.mode === 'quick' ? 10 : 40, sides));
}

/** Milliseconds until EC2 has been called for each region. */
async function untilLastCopy({ control }: Ec2, send: () => Promise<unknown>): Promise<number> {
  const known = (await control.calls()).copyImage.length;
  const all = known + REGIONS.length;
  const began = Date.now();
  await send();
  // Asking the simulated EC2 while it is being called would slow down what is measured.
  await sleep(QUIET_MS);
  await until('17 calls of CopyImage', 30, async () => (await control.calls()).copyImage.length >= all);
  const { copyImage } = await control.calls();
  return Math.max(...copyImage.slice(known).map(({ at }) => Date.parse(at))) - began;
}

function finding({ amiferry, direct }: Record<'amiferry' | 'direct', number[]>): Finding {
  const ofDirect = ratios(amiferry, direct);
  const row = (label: string, times: number[]) => [
    label,
    cell(spread(times)),
    cell({ ...spread(times), median: percentile(times, 0.99), runs: 1 }),
    cell(ratios(times, direct)),
  ];
  return {
    tables: [
      {
        title: 'Milliseconds until the last of 17 CopyImage calls has reached EC2',
        columns: ['', 'median (least–greatest)', 'p99', 'of calling directly'],
        rows: [row('amiferry, by HTTP', amiferry), row('17 calls at once', direct)],
      },
    ],
    plots: [
      {
        name: 'fan-out',
        title: 'Until the last of 17 CopyImage calls has reached EC2',
        unit: 'ms',
        bars: [
          bar('amiferry, by HTTP', 'ours', spread(amiferry)),
          bar('17 calls at once', 'other', spread(direct)),
        ],
      },
    ],
    goals: [
      {
        what: 'until the last call, of calling directly',
        aim: 'at most 1.5',
        measured: cell(ofDirect),
        met: ofDirect.median <= 1.5,
      },
    ],
    method: [
      `Both start the clock when they start, and stop it at the time that the simulated EC2 noted for the last of the 17 calls, to the millisecond. Both have made such calls before, so that connections are open and code is compiled. The simulated EC2 answers within a millisecond: over a real network each call takes 50 to 300 ms on either side, and the service's own share, which is what shows here, hardly counts.`,
      `The bottleneck is accepting: before it answers, the API looks in each of the 17 regions for an image of the same name, with a call to EC2 for each, built and signed by its one thread. That is about two thirds of the time here; over a real network the calls are made side by side and take as long as one. Then the worker builds and signs 17 calls of CopyImage, as the other side does, but each with the tags that let its image be found again.`,
    ],
  };
}
