import type { Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { CallBudget } from './ec2/call-budget.ts';
import type { AwsErrorKind } from './error-codes.ts';
import { REQUEST_ID_LOGGER } from './request-ids.ts';

/** One call that was answered, or given up. */
export interface Ec2Call {
  operation: string;
  region: string;
  /** `ok`, or why it failed. */
  outcome: 'ok' | AwsErrorKind;
  milliseconds: number;
}

export interface AwsOptions {
  /** Milliseconds for one try of one call, answer included. */
  requestTimeoutMs: number;
  /** Tries of one call, the first included; the SDK waits in between with full jitter. */
  maxAttempts: number;
  /** Leaves calls of EC2 that were throttled to the caller; otherwise the SDK tries them again too. */
  leavesThrottling?: boolean;
  /** Asked before each call of EC2. */
  budget?: CallBudget;
  /** Hears of every call to EC2, after it. */
  onCall?: (call: Ec2Call) => void;
  /** Has each call make a span. */
  tracing?: Pick<Tracing, 'span'>;
  /** Another address than the SDK finds by itself. */
  endpoint?: string;
  /** Only for tests: otherwise the SDK finds them, as it does everywhere. */
  credentials?: { accessKeyId: string; secretAccessKey: string };
}

/** The settings of one SDK client, of whichever service. */
export function clientConfig(options: AwsOptions, { region }: Scope) {
  const { requestTimeoutMs, maxAttempts, endpoint, credentials } = options;
  return {
    region,
    maxAttempts,
    logger: REQUEST_ID_LOGGER,
    requestHandler: {
      connectionTimeout: Math.min(3000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      // Without it the SDK only warns that the time is over, and goes on waiting.
      throwOnRequestTimeout: true,
      // Closes a connection that is open and silent, also in the middle of an answer.
      socketTimeout: requestTimeoutMs,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Milliseconds for one call with all its tries and the waits between them, answers included. */
export function deadlineOf({ requestTimeoutMs, maxAttempts }: AwsOptions): number {
  return (requestTimeoutMs + 500) * maxAttempts;
}

/**
 * One SDK client a scope, made when it is first needed; the SDK itself is imported then too: it costs about 100 MB and
 * 0.2 s, whatever is taken from it.
 */
export class AwsClients<Sdk, Client extends { destroy(): void }> {
  readonly #load: () => Promise<Sdk>;
  readonly #make: (sdk: Sdk, scope: Scope) => Client;
  readonly #clients = new Map<string, Client>();
  #sdk: Promise<Sdk> | undefined;

  constructor(load: () => Promise<Sdk>, make: (sdk: Sdk, scope: Scope) => Client) {
    this.#load = load;
    this.#make = make;
  }

  async get(scope: Scope): Promise<{ sdk: Sdk; client: Client }> {
    this.#sdk ??= this.#load();
    const sdk = await this.#sdk;
    const client = this.#clients.get(scopeKey(scope)) ?? this.#make(sdk, scope);
    this.#clients.set(scopeKey(scope), client);
    return { sdk, client };
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }
}
