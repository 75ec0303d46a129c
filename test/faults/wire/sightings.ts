import type { Job } from '../../../src/domain/job.ts';
import type { StepName } from '../../../src/queue/jobs.ts';
import type { Resp } from './resp.ts';

/** Something that was seen on its way between two processes, just before it is passed on. */
export type Sighting = RedisSighting | Ec2Sighting | HttpSighting;

interface Seen {
  /** The process that asks: `api`, `worker-1`, …; `client` for those who call the API. */
  process: string;
  phase: 'request' | 'reply';
}

export interface RedisSighting extends Seen {
  link: 'redis';
  /** In lower case; a script by its own name. */
  command: string;
  args: readonly string[];
  /** With a reply. */
  answer: Resp;
  /** The writes of the store: with a request all of them, with its reply those that Redis took. */
  commits: readonly Commit[];
}

export interface Ec2Sighting extends Seen {
  link: 'ec2';
  action: string;
  region: string;
  form: URLSearchParams;
  /** Of the reply. */
  status: number;
  /** Of the request, or of the reply. */
  body: string;
}

export interface HttpSighting extends Seen {
  link: 'http';
  method: string;
  path: string;
  /** Of the reply. */
  status: number;
  body: string;
}

/** One write of a record. */
export interface Commit {
  jobId: string;
  /** The version that it takes the place of; 0 makes the record. */
  from: number;
  to: number;
  /** `undefined` deletes it. */
  job: Job | undefined;
  /** The record as last accepted. */
  before: Job | undefined;
}

/** A wake-up of a job or of one of its destinations, as BullMQ's job ids name it. */
export interface WakeUp {
  step: StepName;
  jobId: string;
}

const WAKE_UP = /(start-copies|start-copy|finish-copy|remove-copy)\.([0-9a-f-]{36})/;

/** The wake-up that a text names, if it does. */
export function wakeUpIn(texts: readonly string[]): WakeUp | undefined {
  for (const text of texts) {
    const found = WAKE_UP.exec(text);
    if (found === null) continue;
    const [, step = '', jobId = ''] = found;
    return { step: step as StepName, jobId };
  }
  return undefined;
}
