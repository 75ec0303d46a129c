import { parseJob, RECORD_FIELDS } from '../../../src/store/records.ts';
import type { Conversation } from './proxy.ts';
import { Proxy } from './proxy.ts';
import type { Resp, RespMessage } from './resp.ts';
import { readResp } from './resp.ts';
import { scriptName, sha1 } from './script-names.ts';
import type { Commit, RedisSighting } from './sightings.ts';
import type { Traffic } from './traffic.ts';

type Asked = Pick<RedisSighting, 'command' | 'args' | 'commits'>;

/** Answered by a push in RESP 3, not by a reply. */
const WITHOUT_REPLY = new Set(['subscribe', 'unsubscribe']);

/** A proxy between one of our processes and Redis. */
export function redisProxy(process: string, target: number, traffic: Traffic): Proxy<RespMessage> {
  return new Proxy({ target, read: readResp, follow: () => follow(process, traffic) });
}

function follow(process: string, traffic: Traffic): Conversation<RespMessage> {
  const asked: Asked[] = [];
  return {
    request({ value }) {
      const one = commandIn(value, traffic);
      if (!WITHOUT_REPLY.has(one.command)) asked.push(one);
      return traffic.see({ ...one, link: 'redis', process, phase: 'request', answer: null });
    },
    reply({ value, push }) {
      const one = push ? undefined : asked.shift();
      if (one === undefined) return undefined;
      const commits = one.commits.filter((_, i) => Array.isArray(value) && value[i] === 'ok');
      return traffic.see({ ...one, commits, link: 'redis', process, phase: 'reply', answer: value });
    },
  };
}

function commandIn(value: Resp, traffic: Traffic): Asked {
  const [name = '', ...args] = Array.isArray(value) ? value.map(String) : [];
  const command = name.toLowerCase();
  if (command !== 'evalsha' && command !== 'eval') return { command, args, commits: [] };
  const script = scriptName(command === 'evalsha' ? (args[0] ?? '') : sha1(args[0] ?? ''));
  const commits = script === 'amiferryCommit' ? commitsIn(args, traffic) : [];
  return { command: script ?? command, args: args.slice(1), commits };
}

/** See the store's COMMIT script: number of keys, keys, channel, then a plan, a record and events for each write. */
function commitsIn([, count = '0', ...rest]: string[], traffic: Traffic): Commit[] {
  const keys = rest.slice(0, Number(count));
  const writes = rest.slice(Number(count) + 1);
  return writes.flatMap((text, i) => {
    if (i % 3 !== 0) return [];
    const plan = JSON.parse(text) as { record: number; field: string | null; from: number; to: number };
    const { record, field, from, to } = plan;
    const jobId = /:job:([0-9a-f-]+)$/.exec(keys[record - 1] ?? '')?.[1] ?? '';
    const json = writes[i + 1] ?? '';
    const job = parseJob(RECORD_FIELDS.map((one) => (one === field ? json : null))) ?? undefined;
    return [{ jobId, from, to, job, before: traffic.record(jobId) }];
  });
}
