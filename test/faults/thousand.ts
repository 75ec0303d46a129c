import type { CopyJob } from '../../src/http/schemas/job.ts';
import type { Stage } from './stage.ts';
import { nextTry } from './waits.ts';

const THOUSAND = 1000;

/** How often one POST of many is sent before it is given up. */
const TRIES = 100;

/** One request a thousand times at once: the same job for all that have a key in common, a job each for the others. */
export async function thousand(stage: Stage, key: 'one key' | 'no key'): Promise<void> {
  const { client, subject, own } = stage;
  const regions = own.slice(0, key === 'one key' ? 2 : 1);
  const body = {
    name: subject.name,
    tags: { release: 'tonight', 'simulator:seconds': '0.3' },
    destinations: regions.map((region) => ({ region })),
  };
  if (key === 'no key') client.keyless.add(subject.name);
  const send = () => insist(stage, key === 'one key' ? subject.name : null, body);
  const ids = await Promise.all(Array.from({ length: THOUSAND }, send));
  for (const jobId of ids) {
    client.accepted.push({ jobId, name: subject.name });
    stage.expected.set(jobId, ['succeeded']);
  }
  const jobs = new Set(ids).size;
  const wanted = key === 'one key' ? 1 : THOUSAND;
  if (jobs !== wanted) stage.complain(`${THOUSAND} POSTs with ${key} made ${jobs} jobs`);
}

/** Sends it until it is accepted. What was refused, as too much at once or still at work on the same key, made no job. */
async function insist({ client }: Stage, key: string | null, body: unknown): Promise<string> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const answer = await client.post(client.copies, key, body, 60_000);
    const text = await answer.text();
    if (answer.status === 202) return (JSON.parse(text) as CopyJob).id;
    if (answer.status !== 409 && answer.status !== 503) throw new Error(`${answer.status} ${text}`);
    await nextTry(200);
  }
  throw new Error('one of the POSTs was never accepted');
}
