import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { figure } from '../figures.ts';
import { requestCopies, until } from '../harness/copies.ts';
import type { Ec2 } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { sdkClients } from '../harness/sdk.ts';
import type { CopyImageCall, LedgerView } from '../../simulator/index.ts';

/** EC2's bucket for CopyImage, for an account and region: so many at once, then so many a second. */
const BURST = 100;
const REFILL = 1;
const REGION = 'eu-west-1';

interface Sent {
  copies: number;
  /** From the first call to the last one that was accepted. */
  seconds: number;
  throttled: Record<string, number>;
}

export const throttled: Benchmark = {
  name: 'throttled',
  title: 'Under throttling',
  question:
    "How long it takes to send EC2 more copies than it takes at once (CopyImage: 100, then one a second), held against the least time those limits allow, and how often EC2 has to refuse. Every refused call counts against the account's limits, for whatever else runs in it.",
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const copies = bench.mode === 'quick' ? 105 : 500;
  const ideal = (copies - BURST) / REFILL;
  const ec2 = await startEc2(bench, { copySeconds: 60, throttle: true });
  bench.say(`${copies} calls at once by the SDK alone`);
  const direct = await sendDirectly(ec2, copies);
  await ec2.control.reset();

  bench.say(`${copies} copies by the service: ${ideal} s at best`);
  await ec2.control.settings({ copySeconds: 60, throttle: false });
  const redisUrl = await startRedis(bench);
  const env = serviceEnv(redisUrl, ec2, { COPY_SLOTS: '300', EC2_CALL_SHARE: '1' });
  const api = await startApi(bench, env);
  await requestCopies(api.url, copies, [REGION]);
  await ec2.control.settings({ throttle: true });
  await startWorker(bench, env);
  const all = async () => accepted(await ec2.control.calls()).length === copies;
  await until(`${copies} copies accepted by EC2`, ideal * 2 + 60, all);
  return finding(sent(await ec2.control.calls()), direct, ideal);
}

/** All calls at once, with the SDK's own retries, as a script would. */
async function sendDirectly(ec2: Ec2, copies: number): Promise<Sent> {
  const sdk = await sdkClients(ec2.url);
  await Promise.allSettled(Array.from({ length: copies }, () => sdk.copy(REGION)));
  sdk.close();
  return sent(await ec2.control.calls());
}

function accepted({ copyImage }: LedgerView): CopyImageCall[] {
  return copyImage.filter(({ imageId, replayed }) => imageId !== null && !replayed);
}

function sent(view: LedgerView): Sent {
  const times = accepted(view).map(({ at }) => Date.parse(at));
  const first = Math.min(...view.copyImage.map(({ at }) => Date.parse(at)));
  const throttles = Object.entries(view.errors).map(([action, codes]): [string, number] => [
    action,
    codes['RequestLimitExceeded'] ?? 0,
  ]);
  return {
    copies: times.length,
    seconds: (Math.max(...times) - first) / 1000,
    throttled: Object.fromEntries(throttles.filter(([, n]) => n > 0)),
  };
}

function finding(ours: Sent, direct: Sent, ideal: number): Finding {
  const refused = Object.values(ours.throttled).reduce((sum, n) => sum + n, 0);
  const told = ({ throttled: counts }: Sent) =>
    Object.entries(counts)
      .map(([action, n]) => `${figure(n)} of ${action}`)
      .join(', ') || 'none';
  return {
    tables: [
      {
        title: `${ours.copies} copies into one region`,
        columns: ['', 'copies that EC2 accepted', 'seconds', 'of the ideal', 'RequestLimitExceeded'],
        rows: [
          ['amiferry', figure(ours.copies), figure(ours.seconds), figure(ours.seconds / ideal), told(ours)],
          [
            'all at once, by the SDK with its 3 tries',
            figure(direct.copies),
            figure(direct.seconds),
            '',
            told(direct),
          ],
          ['ideal', figure(ours.copies), figure(ideal), '1', 'none'],
        ],
      },
    ],
    plots: [
      {
        name: 'throttled',
        title: `Until EC2 has taken ${ours.copies} copies into one region`,
        unit: 's',
        bars: [
          { label: 'amiferry', value: ours.seconds, side: 'ours' },
          { label: 'ideal', value: ideal, side: 'other' },
        ],
      },
    ],
    goals: [
      {
        what: 'until EC2 has them all, of the ideal',
        aim: 'at most 1.05',
        measured: figure(ours.seconds / ideal),
        met: ours.seconds / ideal <= 1.05,
      },
      { what: 'RequestLimitExceeded met', aim: 'at most 5', measured: figure(refused), met: refused <= 5 },
    ],
    method: [
      `Time runs as it does everywhere, for the simulated EC2's buckets too: the service waits in real seconds, so a faster clock would favour nobody honestly. The buckets are those that EC2 documents, for every operation. All requests are accepted before the worker starts and before throttling is switched on; the time runs from the first CopyImage to the last one that EC2 accepts. The ideal is what the bucket allows: ${BURST} at once, the rest at ${REFILL} a second. Copies take 60 s, so that slots are no limit. The script without the service calls CopyImage for all at once; what the SDK's three tries don't get through has failed.`,
    ],
  };
}
