import type { SQSClient } from '@aws-sdk/client-sqs';
import { classify } from '../aws-error.ts';
import type { AwsOptions, ServiceSdk } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import type { EventsQueue, QueueMessage } from './gateway.ts';

type SqsSdk = typeof import('@aws-sdk/client-sqs');
const SQS: ServiceSdk<SqsSdk, SQSClient> = {
  service: 'SQS',
  answers: 'json',
  load: () => import('@aws-sdk/client-sqs'),
  // Otherwise the SDK would call the host of the URL instead of AWS_ENDPOINT_URL_SQS.
  create: (sdk, config) => new sdk.SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
};

/** As many as SQS returns at once. */
const MOST = 10;

/** Milliseconds for which SQS holds an empty answer back at most. */
const LONGEST_WAIT = 20_000;

/** Seconds for which a received message is hidden from others: long enough for a short outage of Redis. */
const HIDDEN = 30;

/** The {@link EventsQueue} on the AWS SDK, which is loaded at the first call. */
export class AwsEventsQueue implements EventsQueue {
  readonly #url: string;
  readonly #region: string;
  readonly #timeoutMs: number;
  readonly #clients: AwsClients<SqsSdk, SQSClient>;

  constructor(url: string, region: string, options: AwsOptions) {
    this.#url = url;
    this.#region = region;
    this.#timeoutMs = options.requestTimeoutMs;
    // SQS holds an empty answer back by design (long polling).
    const waiting = { ...options, requestTimeoutMs: LONGEST_WAIT + options.requestTimeoutMs };
    this.#clients = new AwsClients(SQS, waiting);
  }

  #get() {
    // The queue may be another account's, but it is called with the service's own credentials.
    return this.#clients.get({ account: null, region: this.#region });
  }

  async receive(waitSeconds: number, signal: AbortSignal): Promise<QueueMessage[]> {
    const { sdk, client } = await this.#get();
    const command = new sdk.ReceiveMessageCommand({
      QueueUrl: this.#url,
      MaxNumberOfMessages: MOST,
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: HIDDEN,
    });
    const options = { abortSignal: signal, requestTimeout: waitSeconds * 1000 + this.#timeoutMs };
    const { Messages = [] } = await client.send(command, options).catch((error: unknown) => {
      throw classify(error, 'SQS', 'ReceiveMessage', this.#region);
    });
    return Messages.map(({ Body = '', ReceiptHandle = '' }) => ({ body: Body, receipt: ReceiptHandle }));
  }

  async delete(receipts: readonly string[]): Promise<void> {
    if (receipts.length === 0) return;
    const { sdk, client } = await this.#get();
    const Entries = receipts.map((ReceiptHandle, i) => ({ Id: String(i), ReceiptHandle }));
    const command = new sdk.DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries });
    await client.send(command, { requestTimeout: this.#timeoutMs }).catch((error: unknown) => {
      throw classify(error, 'SQS', 'DeleteMessageBatch', this.#region);
    });
  }

  close(): void {
    this.#clients.close();
  }
}
