import { setTimeout as sleep } from 'node:timers/promises';
import type { AmiEvent } from '../domain/ami-event.ts';
import { readAmiEvent } from '../domain/ami-event.ts';
import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { EventsQueue, QueueMessage } from '../aws/sqs/gateway.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { AwsErrorKind } from '../aws/error-codes.ts';
import { backoff } from '../domain/backoff.ts';
import type { WorkerDeps } from './deps.ts';

/** Seconds for which SQS holds an empty answer back (long polling): its maximum. */
const LONG_POLL = 20;

/** Milliseconds after which a lasting error is logged again. */
const SAY_AGAIN = 300_000;

/** `starting` until SQS has answered for the first time, then `listening`, or why the worker does not listen. */
export type EventsState =
  | 'starting'
  | 'listening'
  | 'denied'
  | 'missing'
  | 'throttled'
  | 'transient'
  | 'refused';

/** The state after a failed call. Refused credentials count as `denied`, because an operator has to fix both. SQS has no copy slots. */
const STATES: Readonly<Record<AwsErrorKind, EventsState>> = {
  credentials: 'denied',
  denied: 'denied',
  missing: 'missing',
  refused: 'refused',
  slots: 'throttled',
  throttled: 'throttled',
  transient: 'transient',
};

interface Deps extends Pick<WorkerDeps, 'store' | 'producer' | 'logger'> {
  metrics: Pick<Metrics, 'ec2Event' | 'eventsQueueUp'>;
}

/**
 * Listens for EC2's own events of images, so that the end of a copy is seen at once and not at the next tick. An event only
 * causes an early poll of a copy that is under way, by the usual step. Other messages in the queue are dropped. An event that
 * is lost costs the time until the next tick. Any number of workers may listen to one queue.
 *
 * A message is deleted once the poll is queued in Redis; until then SQS delivers it again.
 */
export class Ec2Events {
  readonly #deps: Deps;
  readonly #queue: EventsQueue;
  readonly #over = new AbortController();
  #state: EventsState = 'starting';
  #told = { code: '', at: Number.NEGATIVE_INFINITY };
  #running: Promise<void> | undefined;
  /** SQS failed to delete messages that were received: an empty answer after that does not clear the error. */
  #undeleted = false;

  constructor(deps: Deps, queue: EventsQueue) {
    this.#deps = deps;
    this.#queue = queue;
  }

  get state(): EventsState {
    return this.#state;
  }

  start(): void {
    this.#running ??= this.#listen();
  }

  /** Stops receiving, and waits until all received messages are processed. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
    this.#queue.close();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#over;
    let failures = 0;
    // The first call does not wait for messages, so that its answer shows at once whether the setup works.
    let wait = 0;
    while (!signal.aborted) {
      try {
        const messages = await this.#queue.receive(wait, signal);
        wait = LONG_POLL;
        await this.#handle(messages);
        if (!this.#undeleted) this.#well();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        wait = 0;
        failures += 1;
        this.#failed(error);
        await sleep(backoff(failures), undefined, { signal }).catch(() => {});
      }
    }
  }

  async #handle(messages: readonly QueueMessage[]): Promise<void> {
    const events = messages.map(({ body }) => readAmiEvent(body));
    for (const event of events) if (event === null) this.#dropped('unreadable', {});
    for (const [key, imageIds] of byScope(events)) await this.#hint(parseScope(key), imageIds);
    if (messages.length === 0) return;
    this.#undeleted = true;
    await this.#queue.delete(messages.map(({ receipt }) => receipt));
    this.#undeleted = false;
  }

  async #hint(scope: Scope, imageIds: readonly string[]): Promise<void> {
    const { store, producer, logger, metrics } = this.#deps;
    const { known, poll } = await store.polls.keepEventHints(scope, [...new Set(imageIds)]);
    if (known.length > 0) await producer.trackHinted(scope, poll);
    for (const imageId of imageIds) {
      if (known.includes(imageId)) metrics.ec2Event('noticed', scope);
      else this.#dropped('unrelated', { imageId, ...scope });
    }
    if (known.length > 0) logger.debug({ ...scope, images: known }, 'EC2 reported copies');
  }

  #dropped(outcome: 'unrelated' | 'unreadable', about: object): void {
    this.#deps.metrics.ec2Event(outcome);
    this.#deps.logger.debug({ ...about, outcome }, 'event dropped');
  }

  #well(): void {
    const before = this.#state;
    this.#state = 'listening';
    this.#deps.metrics.eventsQueueUp(true);
    if (before === 'listening') return;
    this.#deps.logger.info({ before }, "listening for EC2's events");
  }

  #failed(error: unknown): void {
    const { logger, metrics } = this.#deps;
    if (!(error instanceof AwsError)) {
      // Redis is away; SQS delivers the messages again.
      return this.#tell('redis', () =>
        logger.warn({ err: error }, 'Redis did not take events from EC2: SQS delivers them again'),
      );
    }
    this.#state = STATES[error.kind];
    metrics.eventsQueueUp(false);
    const { awsCode, aws, message } = error;
    const kind = this.#state;
    const level = kind === 'throttled' || kind === 'transient' ? 'warn' : 'error';
    const about = { kind, awsCode, awsRequestId: aws?.awsRequestId ?? null, error: message, err: error };
    this.#tell(awsCode, () => logger[level](about, 'no events from EC2; copies are found by polling'));
  }

  /** Logs an error once: again when the error changes, and again after a while. */
  #tell(code: string, say: () => void): void {
    const now = performance.now();
    if (this.#told.code === code && now - this.#told.at < SAY_AGAIN) return;
    this.#told = { code, at: now };
    say();
  }
}

function byScope(events: readonly (AmiEvent | null)[]): Map<string, string[]> {
  const scopes = new Map<string, string[]>();
  for (const event of events) {
    if (event === null) continue;
    const key = scopeKey(event.scope);
    scopes.set(key, [...(scopes.get(key) ?? []), event.imageId]);
  }
  return scopes;
}
