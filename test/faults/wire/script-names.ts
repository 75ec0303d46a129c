import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { defineScripts } from '../../../src/store/scripts.ts';

const names = new Map<string, string>();
for (const { name, content } of bullmqScripts()) names.set(sha1(content), name);
learn(defineScripts);

/** The name of a Redis script by the hash that EVALSHA calls it by: the store's own and BullMQ's. */
export function scriptName(hash: string): string | undefined {
  return names.get(hash);
}

/** Learns the store's scripts as another copy of the source has them. */
export async function learnScriptsOf(dir: string): Promise<void> {
  const module: { defineScripts: typeof defineScripts } = await import(join(dir, 'src/store/scripts.ts'));
  learn(module.defineScripts);
}

function learn(define: typeof defineScripts): void {
  // Never connects: it only hears what would be defined.
  const listener = new Redis({ lazyConnect: true });
  listener.defineCommand = (name, { lua }) => void names.set(sha1(lua), name);
  define(listener);
  listener.disconnect();
}

/** How Redis names a script. */
export function sha1(lua: string): string {
  return createHash('sha1').update(lua).digest('hex');
}

/** BullMQ has its scripts only as files of its package. */
function bullmqScripts(): { name: string; content: string }[] {
  const scripts: unknown = createRequire(import.meta.url)('bullmq/dist/cjs/scripts/index.js');
  return Object.values(scripts ?? {}).filter(isScript);
}

function isScript(value: unknown): value is { name: string; content: string } {
  return typeof value === 'object' && value !== null && 'name' in value && 'content' in value;
}
