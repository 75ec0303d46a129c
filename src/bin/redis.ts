import { readFileSync } from 'node:fs';
import { readConfig } from '../config/config.ts';
import { closeRedis, connectRedis, untilReady } from '../queue/connections.ts';
import { orExit } from './or-exit.ts';

/**
 * `node src/bin/redis.ts COMMAND ARGUMENT…` sends one command to the service's Redis and prints the answer, an element a line
 * (docs/operations.md). It connects like the service, by REDIS_URL: over TLS, with user and password, to a cluster or by
 * Sentinels. An argument `-` is replaced by the lines of standard input. The exit code is 1 where Redis refuses the command, or
 * can't be reached.
 */
const USAGE =
  'node src/bin/redis.ts COMMAND ARGUMENT…   (an argument - stands for the lines of standard input)\n';

/** On a cluster a command without a key has to be sent to the server of the service's keys; a script is routed by its key. */
const SCRIPT = 'return redis.call(unpack(ARGV))';

/** Lua takes a few thousand arguments at once, and no more. */
const TOGETHER = 1000;

const PATIENCE_MS = 5000;

const args = process.argv.slice(2);
if (args.length === 0) {
  process.stderr.write(USAGE);
  process.exit(1);
}
const { redisUrl, queuePrefix } = orExit(() => readConfig(process.env));
let fault: Error | null = null;
const redis = connectRedis(redisUrl, 'fail-fast', (error) => (fault = error));
try {
  await untilReady(redis, PATIENCE_MS).catch((error: unknown) => {
    throw fault ?? error;
  });
  for (const command of commandsOf(args))
    print(await redis.eval(SCRIPT, 1, `${queuePrefix}:redis`, ...command));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await closeRedis(redis);
}

/** One command, or one for each batch of lines that replace `-`; none where there is no line. */
function commandsOf(words: readonly string[]): string[][] {
  const place = words.indexOf('-');
  if (place < 0) return [[...words]];
  const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean);
  const batches = Array.from({ length: Math.ceil(lines.length / TOGETHER) }, (_, i) =>
    lines.slice(i * TOGETHER, (i + 1) * TOGETHER),
  );
  return batches.map((batch) => [...words.slice(0, place), ...batch, ...words.slice(place + 1)]);
}

function print(answer: unknown): void {
  if (Array.isArray(answer)) return answer.forEach(print);
  process.stdout.write(typeof answer === 'string' || typeof answer === 'number' ? `${answer}\n` : '(nil)\n');
}
