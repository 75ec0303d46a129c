import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { FileState } from '../checked-file.ts';
import type { DestinationState } from '../domain/job.ts';
import type { AttemptResult } from '../domain/webhooks.ts';
import type { Scope } from '../domain/ami.ts';
import type { Ec2Call } from '../aws/ec2/options.ts';
import type { StoreStats } from './stats.ts';

/** Metrics of the library that are left out, since Prometheus' linter refuses their names: gauges called _total, types in names. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
];

/** The labels of an event that is about no image of this service. */
const UNRELATED: Pick<Scope, 'region'> = { region: '' };

/**
 * The metrics of one process, in seconds and counts. Every label has a small set of values: accounts are counted and never named, since
 * there may be hundreds, each in many regions.
 */
export class Metrics {
  readonly #registry = new Registry();

  readonly #http = new Histogram({
    name: 'amiferry_http_request_duration_seconds',
    help: 'Answered requests by route, without event streams.',
    labelNames: ['route', 'method', 'status'] as const,
    buckets: [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30],
    registers: [this.#registry],
  });

  readonly #streams = new Gauge({
    name: 'amiferry_http_event_streams',
    help: 'Open event streams.',
    registers: [this.#registry],
  });

  readonly #ec2Calls = new Counter({
    name: 'amiferry_ec2_calls_total',
    help: 'Calls to EC2 by their outcome: ok, or why they failed (throttled, transient, slots, missing, credentials, denied, refused).',
    labelNames: ['operation', 'region', 'outcome'] as const,
    registers: [this.#registry],
  });

  readonly #ec2Duration = new Histogram({
    name: 'amiferry_ec2_call_duration_seconds',
    help: 'Duration of calls to EC2, with the retries of the SDK.',
    labelNames: ['operation'] as const,
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  });

  readonly #available = new Histogram({
    name: 'amiferry_copy_time_to_available_seconds',
    help: "Time from the request until the image is available, by the destination's region.",
    labelNames: ['region'] as const,
    buckets: [30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400],
    registers: [this.#registry],
  });

  readonly #finished = new Counter({
    name: 'amiferry_destinations_finished_total',
    help: 'Destinations of copies that ended, by their final state.',
    labelNames: ['region', 'state'] as const,
    registers: [this.#registry],
  });

  readonly #webhooks = new Counter({
    name: 'amiferry_webhook_attempts_total',
    help: 'Messages sent to webhooks, by outcome: delivered, again, refused, gone.',
    labelNames: ['outcome'] as const,
    registers: [this.#registry],
  });

  readonly #ec2Events = new Counter({
    name: 'amiferry_ec2_events_total',
    help: "EC2's own events of images: noticed (about a pending copy, by its region), unrelated (about other images, or too late), unreadable.",
    labelNames: ['region', 'outcome'] as const,
    registers: [this.#registry],
  });

  #queueUp: Gauge | undefined;

  #countStore = async () => {};
  #lookAtFiles = () => {};

  /** The Prometheus text format, version 0.0.4. */
  readonly contentType = this.#registry.contentType;

  constructor() {
    // Initialised to 0, so that the first failure shows as an increase.
    for (const outcome of ['delivered', 'again', 'refused', 'gone']) this.#webhooks.inc({ outcome }, 0);
    for (const outcome of ['unrelated', 'unreadable']) this.#ec2Events.inc({ ...UNRELATED, outcome }, 0);
  }

  /** Adds memory, CPU, garbage collection and event loop delay of this process. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
  }

  /** Adds counts from Redis, read at each scrape. They are the same in every process. */
  watchStore(look: () => Promise<StoreStats>): void {
    const options = { registers: [this.#registry] };
    const jobs = new Gauge({
      ...options,
      name: 'amiferry_jobs',
      help: 'Stored jobs, by state.',
      labelNames: ['state'] as const,
    });
    const copies = new Gauge({
      ...options,
      name: 'amiferry_copies_in_progress',
      help: 'Copies pending in EC2, in all accounts.',
      labelNames: ['region'] as const,
    });
    const waiting = new Gauge({
      ...options,
      name: 'amiferry_destinations_waiting',
      help: 'Destinations that wait for a copy slot, in all accounts.',
      labelNames: ['region'] as const,
    });
    const accounts = new Gauge({
      ...options,
      name: 'amiferry_accounts',
      help: 'Accounts with copies pending in EC2 (pending), and with destinations that wait for a copy slot (waiting).',
      labelNames: ['state'] as const,
    });
    const steps = new Gauge({
      ...options,
      name: 'amiferry_queue_steps',
      help: 'Steps in the queue: waiting for a worker, active, or delayed.',
      labelNames: ['state'] as const,
    });
    const age = new Gauge({
      ...options,
      name: 'amiferry_queue_oldest_step_age_seconds',
      help: 'How long the next step has waited; 0 if none waits.',
    });
    const workers = new Gauge({
      ...options,
      name: 'amiferry_workers',
      help: 'Running worker processes, by their heartbeats in Redis; missing while Redis does not answer.',
    });
    const up = new Gauge({
      ...options,
      name: 'amiferry_redis_up',
      help: 'Whether Redis answered: 1, or 0, and then the metrics from Redis are missing.',
    });
    this.#countStore = async () => {
      for (const gauge of [jobs, copies, waiting, accounts, steps, age]) gauge.reset();
      const stats = await look().catch(() => null);
      // Missing and not 0, which would be a valid count.
      workers.remove();
      up.set(stats === null ? 0 : 1);
      if (stats === null) return;
      for (const [state, count] of Object.entries(stats.jobs)) jobs.set({ state }, count);
      for (const { scope, pending, inLine } of stats.scopes) {
        copies.inc({ region: scope.region }, pending);
        waiting.inc({ region: scope.region }, inLine);
      }
      const among = (which: (one: StoreStats['scopes'][number]) => boolean) =>
        new Set(stats.scopes.filter(which).map(({ scope }) => scope.account)).size;
      accounts.set(
        { state: 'pending' },
        among(({ pending }) => pending > 0),
      );
      accounts.set(
        { state: 'waiting' },
        among(({ inLine }) => inLine > 0),
      );
      for (const [state, count] of Object.entries(stats.steps)) steps.set({ state }, count);
      workers.set(stats.workers);
      age.set(stats.oldestStepMs / 1000);
    };
  }

  /** Adds whether the current content of each checked file is in use. */
  watchFiles(files: readonly FileState[]): void {
    if (files.length === 0) return;
    const inForce = new Gauge({
      name: 'amiferry_file_in_force',
      help: 'Whether the content of the file is in use: 1, or 0 if it is invalid and its previous content is used.',
      labelNames: ['setting'] as const,
      registers: [this.#registry],
    });
    this.#lookAtFiles = () => {
      for (const { setting, stale } of files) inForce.set({ setting }, stale ? 0 : 1);
    };
  }

  request(route: string, method: string, status: number, milliseconds: number): void {
    this.#http.observe({ route, method, status }, milliseconds / 1000);
  }

  streams(change: 1 | -1): void {
    this.#streams.inc(change);
  }

  ec2Call({ operation, scope, outcome, milliseconds }: Ec2Call): void {
    this.#ec2Calls.inc({ operation, region: scope.region, outcome });
    this.#ec2Duration.observe({ operation }, milliseconds / 1000);
  }

  copyAvailable(scope: Scope, milliseconds: number): void {
    this.#available.observe({ region: scope.region }, milliseconds / 1000);
  }

  destinationFinished(scope: Scope, state: DestinationState): void {
    this.#finished.inc({ region: scope.region, state });
  }

  webhookAttempt(outcome: AttemptResult['outcome']): void {
    this.#webhooks.inc({ outcome });
  }

  /** `scope` only of pending copies: the sender of an event could invent any number of others. */
  ec2Event(
    outcome: 'noticed' | 'unrelated' | 'unreadable',
    { region }: Pick<Scope, 'region'> = UNRELATED,
  ): void {
    this.#ec2Events.inc({ region, outcome });
  }

  /** Records whether the last ReceiveMessage succeeded. The metric exists only if a queue is set. */
  eventsQueueUp(up: boolean): void {
    this.#queueUp ??= new Gauge({
      name: 'amiferry_events_queue_up',
      help: "Whether this worker receives from the queue with EC2's events: 1, or 0, and then copies are only polled.",
      registers: [this.#registry],
    });
    this.#queueUp.set(up ? 1 : 0);
  }

  /** All metrics in the Prometheus text format. */
  async text(): Promise<string> {
    this.#lookAtFiles();
    await this.#countStore();
    return await this.#registry.metrics();
  }
}
