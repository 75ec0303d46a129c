import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';

export interface AwsOptions {
  /** Milliseconds for one try of one call, answer included. */
  requestTimeoutMs: number;
  /** Tries of one call, the first included; the SDK waits in between with full jitter. */
  maxAttempts: number;
  /** Only for tests: otherwise the SDK finds both by itself, as it does everywhere. */
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
}

/** The SDK, imported at its first use: it costs about 100 MB and 0.2 s, whatever is taken from it. */
export type Ec2Sdk = typeof import('@aws-sdk/client-ec2');

/** One EC2 client a scope, made when it is first needed. */
export class AwsClients {
  readonly #options: AwsOptions;
  readonly #clients = new Map<string, EC2Client>();
  #sdk: Promise<Ec2Sdk> | undefined;

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  sdk(): Promise<Ec2Sdk> {
    this.#sdk ??= import('@aws-sdk/client-ec2');
    return this.#sdk;
  }

  async client(scope: Scope): Promise<EC2Client> {
    const { EC2Client } = await this.sdk();
    const known = this.#clients.get(scopeKey(scope));
    if (known !== undefined) return known;
    const { requestTimeoutMs, maxAttempts, endpoint, credentials } = this.#options;
    const client = new EC2Client({
      region: scope.region,
      maxAttempts,
      requestHandler: {
        connectionTimeout: Math.min(3000, requestTimeoutMs),
        requestTimeout: requestTimeoutMs,
        // Without it the SDK only warns that the time is over, and goes on waiting.
        throwOnRequestTimeout: true,
      },
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    this.#clients.set(scopeKey(scope), client);
    return client;
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }
}
