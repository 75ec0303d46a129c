import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeApiKeys } from '../../src/auth/api-key-store.ts';
import { newApiKey } from '../../src/auth/api-keys.ts';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { AccessScope } from '../../src/domain/access.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { startSimulator } from '../../simulator/index.ts';
import { runEntry } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import { containerOf, manifest } from './manifests.ts';

export type Part = 'amiferry-api' | 'amiferry-worker';

/** API and worker with the settings and files that Kubernetes would give them, on the test's ports, Redis and EC2. */
export interface RenderedService {
  /** The rendered settings, with files where the test has them. */
  settings: Record<string, string>;
  /** An API key of the principal `key:ci`, which the overlay's policy names. */
  secret: string;
  /** Where the API listens. */
  url: string;
  /** `null` where nobody listens yet. */
  ask(part: Part, path: string, init?: RequestInit): Promise<Response | null>;
  /** Waits until a job that was accepted has ended, and gives it. */
  untilFinished(accepted: Response | null): Promise<Job>;
  /** SIGTERM to both; resolves to their exit codes. */
  end(): Promise<(number | null)[]>;
  /** Ends whatever still runs, and removes the files. */
  stop(): Promise<void>;
}

const entryOf = (part: Part) => containerOf(part).args.at(-1) ?? '';

/** @param env what a cluster has elsewhere: REDIS_URL at least */
export async function startRendered(
  env: Record<string, string>,
  scopes: readonly AccessScope[] = ['amis:read', 'amis:copy'],
): Promise<RenderedService> {
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-deploy-'));
  const { secret, key } = newApiKey('ci', scopes, null);
  const settings = await mountFiles(dir, () => [key]);
  const simulator = await startSimulator({ copySeconds: 0.5 });
  const ports = { 'amiferry-api': await freePort(), 'amiferry-worker': await freePort() };
  const given = {
    ...settings,
    HOST: '127.0.0.1',
    PORT: String(ports['amiferry-api']),
    WORKER_HEALTH_PORT: String(ports['amiferry-worker']),
    AWS_ENDPOINT_URL: simulator.url,
    AWS_ACCESS_KEY_ID: 'AKIASIM111111111111',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    AWS_EC2_METADATA_DISABLED: 'true',
    POLL_SECONDS: '0.5',
    EVENTS_QUEUE_URL: '',
    ...env,
  };
  const runs = (Object.keys(ports) as Part[]).map((part) => runEntry(PROJECT_DIR, entryOf(part), given));
  const end = (signal: NodeJS.Signals) => {
    for (const run of runs) run.kill(signal);
    return Promise.all(runs.map((run) => run.ended));
  };
  const ask: RenderedService['ask'] = (part, path, init = {}) =>
    fetch(`http://127.0.0.1:${ports[part]}${path}`, init).catch(() => null);
  return {
    settings,
    secret,
    url: `http://127.0.0.1:${ports['amiferry-api']}`,
    ask,
    untilFinished: async (accepted) => {
      let job = (await accepted?.json()) as Job;
      await until(async () => {
        const answer = await ask('amiferry-api', `/jobs/${job.id}`, { headers: { 'x-api-key': secret } });
        job = (await answer?.json()) as Job;
        return job.finishedAt !== null;
      });
      return job;
    },
    end: () => end('SIGTERM'),
    stop: async () => {
      await end('SIGKILL');
      await simulator.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Puts what is mounted under /etc/amiferry under `dir`, and gives the settings with that. */
async function mountFiles(dir: string, keys: Parameters<typeof changeApiKeys>[1]) {
  const { data = {} } = manifest('ConfigMap', 'amiferry-settings');
  const { data: policy = {} } = manifest('ConfigMap', 'amiferry-policy');
  const entries = Object.entries(data).map(([name, value]) => [name, value.replace('/etc/amiferry', dir)]);
  const settings = Object.fromEntries(entries) as Record<string, string>;
  for (const folder of ['policy', 'api-keys']) await mkdir(join(dir, folder));
  await writeFile(settings['POLICY_FILE'] ?? '', policy['policy.json'] ?? '');
  changeApiKeys(settings['API_KEYS_FILE'] ?? '', keys);
  return settings;
}
