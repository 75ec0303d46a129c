import { join } from 'node:path';
import { readConfig } from '../../src/config/config.ts';
import { choosePort } from '../dev/choose-port.ts';
import { logLine } from '../dev/log-line.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import { onStopSignal } from '../dev/signals.ts';
import { startStack } from '../dev/stack.ts';
import type { Stack } from '../dev/stack.ts';
import { Unwind } from '../dev/unwind.ts';

/** `npm start`: runs everything on this machine with a simulated EC2. Redis' data stays in .amiferry/; the simulator keeps none. */
const say = (text: string) => process.stdout.write(`${text}\n`);
const complain = (text: string) => process.stderr.write(`${text}\n`);

const unwind = new Unwind((phase, error) => complain(`${phase} did not stop: ${String(error)}`));
onStopSignal(() => {
  say('Stopping the API, the worker, the simulator and Redis …');
  void unwind.run().then(() => process.exit(0));
});

try {
  const stack = await start();
  say(welcome(stack));
  await fail(await stack.broken);
} catch (error) {
  await fail(error instanceof Error ? error.message : String(error));
}

async function start(): Promise<Stack> {
  const { env } = process;
  const { host, port } = readConfig(env);
  const pollSeconds = env['POLL_SECONDS'] || '1';
  const apiPort = await choosePort(host, port, 'PORT');
  const simulatorPort = await choosePort('127.0.0.1', env['SIMULATOR_PORT'] || 4566, 'SIMULATOR_PORT');
  return await startStack(
    {
      dir: join(PROJECT_DIR, '.amiferry'),
      redisUrl: env['REDIS_URL'] || undefined,
      settings: { POLL_SECONDS: pollSeconds, EVENTS_POLL_SECONDS: env['EVENTS_POLL_SECONDS'] || pollSeconds },
      host,
      port: apiPort,
      simulatorPort,
      onLine: (name, line) => say(logLine(name, line)),
    },
    unwind,
  );
}

/** Stops everything with exit code 1. If a signal has already begun the stop, its handler ends the process. */
async function fail(reason: string): Promise<void> {
  if (unwind.begun) return;
  complain(`\n${reason}`);
  await unwind.run();
  process.exit(1);
}

function welcome({ apiUrl, simulatorUrl, redisUrl, pids }: Stack): string {
  return `
  amiferry runs on this machine. EC2 IS SIMULATED: no AWS account is used, and nothing real is copied.

    Console     ${apiUrl}/
    API         ${apiUrl}
    Swagger UI  ${apiUrl}/docs
    Simulator   ${simulatorUrl}
    Redis       ${'redis' in pids ? `${redisUrl} (its data is in .amiferry/)` : 'that of REDIS_URL'}
    Processes   ${Object.entries(pids)
      .map(([name, pid]) => `${name} ${pid}`)
      .join(', ')}

  Copy an AMI to Ireland, and read the job:

    curl -s -X POST ${apiUrl}/amis/ami-0a1b2c3d4e5f60001/copies \\
      -H 'content-type: application/json' -d '{"destinations":[{"region":"eu-west-1"}]}'
    curl -s ${apiUrl}/jobs

  Ctrl-C stops it all.
`;
}
