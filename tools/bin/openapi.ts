import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { NO_ACCOUNTS } from '../../src/accounts/accounts.ts';
import { buildApp } from '../../src/http/app.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { createLogger } from '../../src/logging/logging.ts';
import { NO_WEBHOOKS } from '../../src/webhooks/settings.ts';
import { NO_TRACING } from '../../src/tracing/tracing.ts';
import { NO_POLICY } from '../../src/domain/policy.ts';
import { DEFAULT_QUOTAS } from '../../src/domain/sharing-rules.ts';
import { AWS_REGIONS } from '../../src/domain/regions.ts';

/**
 * `npm run openapi` generates openapi/openapi.json (or the given file) from the routes. With `--check` it only compares, and
 * exits with 1 if they differ.
 */
const FILE = new URL('../../openapi/openapi.json', import.meta.url);

/** Stand-ins for the dependencies of routes, which are never called: the document is generated without connections. */
async function generate(): Promise<string> {
  const inert = new Proxy(Object.create(null), {
    get: (_target, name) => () => Promise.reject(new Error(`${String(name)} is inert here`)),
  });
  const app = await buildApp({
    authenticate: null,
    policy: NO_POLICY,
    audit: inert,
    rateLimit: null,
    store: inert,
    producer: inert,
    gateway: inert,
    reader: inert,
    asWorker: inert,
    ownAccount: inert,
    accounts: NO_ACCOUNTS,
    recentImages: inert,
    imageNames: inert,
    sourceFacts: inert,
    disabledRegions: inert,
    kms: inert,
    quotas: DEFAULT_QUOTAS,
    idempotency: inert,
    queueSessions: inert,
    workers: inert,
    redis: inert,
    feed: { listen: () => () => undefined },
    eventLog: inert,
    metrics: new Metrics(),
    tracing: NO_TRACING,
    webhooks: NO_WEBHOOKS,
    streams: { total: 0, perCaller: 0, heartbeatMs: 15_000, maxAgeMs: 3_600_000 },
    logger: createLogger('openapi', 'silent'),
    regions: AWS_REGIONS,
    defaultRegion: 'us-east-1',
    swaggerUi: false,
  });
  const { body } = await app.inject('/openapi.json');
  await app.close();
  return `${JSON.stringify(JSON.parse(body), null, 2)}\n`;
}

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const file = positionals[0] ?? FILE;
const generated = await generate();
if (!values.check) {
  await writeFile(file, generated);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== generated) {
  process.stderr.write(
    'openapi/openapi.json does not match the routes: run "npm run openapi" and commit it.\n',
  );
  process.exitCode = 1;
}
