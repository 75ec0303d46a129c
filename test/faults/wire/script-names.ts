import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { defineScripts } from '../../../src/store/scripts.ts';

/** The names of Redis scripts by the hash that EVALSHA calls them by: the store's own and BullMQ's. */
export function scriptNames(): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const add = (name: string, lua: string) => names.set(sha1(lua), name);
  for (const { name, content } of bullmqScripts()) add(name, content);
  // Never connects: it only hears what would be defined.
  const listener = new Redis({ lazyConnect: true });
  listener.defineCommand = (name, { lua }) => void add(name, lua);
  defineScripts(listener);
  listener.disconnect();
  return names;
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
