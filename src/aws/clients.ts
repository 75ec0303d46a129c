import type { EC2ClientConfig } from '@aws-sdk/client-ec2';
import type { Tracing } from '../tracing/tracing.ts';
import { withDeadline } from './deadline.ts';
import type { AwsService } from './error-codes.ts';
import { withExpectedAnswers } from './expected-answers.ts';
import { leaveThrottling } from './leave-throttling.ts';
import { REQUEST_ID_LOGGER } from './request-ids.ts';
import { traced } from './traced-client.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

/** The credentials of an account, or a function that the SDK calls whenever they have expired. */
export type CredentialsProvider = Credentials | (() => Promise<Credentials>);

/** An account and a region to call. `null` is the account of the service's own credentials, where its id is not needed. */
export interface ClientScope {
  account: string | null;
  region: string;
}

export interface AwsOptions {
  /** Milliseconds for one try of one call, answer included. */
  requestTimeoutMs: number;
  /** Tries of one call, the first included; the SDK waits in between with full jitter. */
  maxAttempts: number;
  /** Leaves throttled calls to the caller; otherwise the SDK retries them too. */
  leavesThrottling?: boolean;
  /** Makes a span for each call. */
  tracing?: Pick<Tracing, 'span'>;
  /** An address that replaces the one that the SDK would choose. */
  endpoint?: string;
  /**
   * Called for each new client. Without it, and where it gives `undefined`, the SDK finds the service's own credentials by its
   * default chain.
   */
  credentialsOf?: (
    account: string | null,
  ) => CredentialsProvider | undefined | Promise<CredentialsProvider | undefined>;
}

/** The options that the factory passes to the constructor of an SDK client. */
type ClientConfig = ReturnType<typeof clientConfig>;

/** How to load and make the SDK client of one service. */
export interface ServiceSdk<Sdk, Client> {
  service: AwsService;
  /** The format of the service's answers. */
  answers: Parameters<typeof withExpectedAnswers>[1];
  /** Imports the SDK. That of EC2 takes about 100 MB and 0.2 s, whatever is imported from it. */
  load: () => Promise<Sdk>;
  create: (sdk: Sdk, config: ClientConfig) => Client;
}

/** Clients that a factory keeps: accounts times regions may be thousands, at some 100 kB each. */
const MOST = 200;

/** Sends the calls of all clients of one factory. It keeps their connections. */
type RequestHandler = NonNullable<EC2ClientConfig['requestHandler']>;

/** Any client of the AWS SDK. */
type SdkClient = { destroy(): void; config: { requestHandler: RequestHandler } } & Parameters<
  typeof withExpectedAnswers
>[0] &
  Parameters<typeof withDeadline>[0] &
  Parameters<typeof leaveThrottling>[0] &
  Parameters<typeof traced>[0];

/**
 * The factory of all SDK clients of one service: one client for each account and region. It makes a client when it is first
 * needed, and loads the SDK then. It is the only place that sets region, credentials, endpoint, deadline, checks of answers,
 * throttling and tracing. It keeps the {@link MOST} clients that were used last; all share the connections of one handler, so that a
 * client which is dropped finishes its calls.
 */
export class AwsClients<Sdk, Client extends SdkClient> {
  readonly #of: ServiceSdk<Sdk, Client>;
  readonly #options: AwsOptions;
  readonly #clients = new Map<string, Client>();
  #first: Client | undefined;
  #sdk: Promise<Sdk> | undefined;

  constructor(of: ServiceSdk<Sdk, Client>, options: AwsOptions) {
    this.#of = of;
    this.#options = options;
  }

  /** @throws the errors of the SDK's import and of {@link AwsOptions.credentialsOf} */
  async get(scope: ClientScope): Promise<{ sdk: Sdk; client: Client }> {
    this.#sdk ??= this.#of.load();
    const sdk = await this.#sdk;
    const key = `${scope.account ?? ''}/${scope.region}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      const credentials = await this.#options.credentialsOf?.(scope.account);
      // Another caller may have made it meanwhile.
      client = this.#clients.get(key) ?? this.#make(sdk, scope.region, credentials);
    }
    this.#use(key, client);
    return { sdk, client };
  }

  close(): void {
    this.#first?.destroy();
    this.#first = undefined;
    this.#clients.clear();
  }

  /** Makes a client the one that was used last. */
  #use(key: string, client: Client): void {
    this.#clients.delete(key);
    this.#clients.set(key, client);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > MOST && oldest !== undefined) this.#clients.delete(oldest);
  }

  #make(sdk: Sdk, region: string, credentials: CredentialsProvider | undefined): Client {
    const { service, answers, create } = this.#of;
    const { leavesThrottling, tracing } = this.#options;
    const handler = this.#first?.config.requestHandler;
    const client = create(sdk, clientConfig(this.#options, region, credentials, handler));
    this.#first ??= client;
    withExpectedAnswers(client, answers);
    withDeadline(client, deadlineOf(this.#options));
    if (leavesThrottling === true) leaveThrottling(client);
    return traced(client, tracing, service, region);
  }
}

function clientConfig(
  options: AwsOptions,
  region: string,
  credentials: CredentialsProvider | undefined,
  handler: RequestHandler | undefined,
) {
  const { requestTimeoutMs, maxAttempts, endpoint } = options;
  return {
    region,
    maxAttempts,
    logger: REQUEST_ID_LOGGER,
    requestHandler: handler ?? {
      connectionTimeout: Math.min(3000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      // Without this option the SDK only warns after the time-out, and continues to wait.
      throwOnRequestTimeout: true,
      // Closes a connection that is open and silent, also in the middle of an answer.
      socketTimeout: requestTimeoutMs,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Milliseconds for one call with all its tries and the waits between them, answers included. */
function deadlineOf({ requestTimeoutMs, maxAttempts }: AwsOptions): number {
  return (requestTimeoutMs + 500) * maxAttempts;
}
