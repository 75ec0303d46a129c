import type { LookupFunction } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AttemptResult } from '../domain/webhooks.ts';
import { Places } from '../places.ts';
import { AddressRefused, publicLookup } from './public-lookup.ts';
import { refusalOf } from './refusal.ts';
import type { WebhookSettings } from './settings.ts';
import { secretsFor } from './settings.ts';
import { signedHeaders } from './sign.ts';

/** The time limit of a message, from resolving the name to the answer. Standard Webhooks recommends 15 to 30 s. */
const PATIENCE_MS = 15_000;

/** The most messages that a process sends at once: in total, to one host, and for the jobs of one caller. */
export const WEBHOOKS_TOGETHER = 40;
const PER_HOST = 4;
const PER_CALLER = WEBHOOKS_TOGETHER / 2;

/** One message to send. */
export interface Message {
  id: string;
  url: string;
  body: string;
  /** Whether it may be signed only with the endpoint's own secrets. */
  ownOnly: boolean;
  /** Epoch milliseconds. */
  now: number;
}

/** Sends messages. It never rejects: a failure is a result. */
export class WebhookSender {
  readonly #settings: WebhookSettings;
  readonly #lookup: LookupFunction;

  readonly #patienceMs: number;
  readonly #hosts = new Places(PER_HOST);
  readonly #callers = new Places(PER_CALLER);

  /** @param lookup replaces the system's resolver in tests @param patienceMs the time limit of a message, milliseconds */
  constructor(settings: WebhookSettings, lookup?: LookupFunction, patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
    this.#settings = settings;
    this.#lookup = publicLookup(settings, lookup);
  }

  /**
   * Reserves a place for one message of a caller's job to a URL, and returns the function that releases it; `null` while a limit
   * is reached: in total, for the host, or for the caller.
   */
  reserve(url: string, caller: string): (() => void) | null {
    const freeHost = this.#hosts.take(new URL(url).host);
    if (freeHost === null) return null;
    const freeCaller = this.#callers.take(caller);
    if (freeCaller === null) {
      freeHost();
      return null;
    }
    return () => {
      freeHost();
      freeCaller();
    };
  }

  /** Posts a message to its URL. Redirects are not followed, and count as failures. */
  async send(message: Message): Promise<AttemptResult> {
    const secrets = secretsFor(message.url, message.ownOnly, this.#settings);
    if (secrets.length === 0) return { outcome: 'refused', error: withoutSecret(message) };
    const refusal = refusalOf(message.url, this.#settings);
    if (refusal !== null) return { outcome: 'refused', error: `the URL ${refusal}` };
    try {
      return resultOf(await this.#post(message, secrets));
    } catch (error) {
      return failureOf(error, this.#patienceMs);
    }
  }

  /** The status of the answer; its body is discarded. */
  async #post({ id, url, body, now }: Message, secrets: readonly string[]): Promise<number> {
    const { useAgent } = await import('request-filtering-agent');
    const { privateAddresses } = this.#settings;
    // A new connection for each message, so that the address is checked each time.
    const agent = useAgent(url, { keepAlive: false, allowIPAddressList: [...privateAddresses] });
    const options = {
      method: 'POST',
      agent,
      signal: AbortSignal.timeout(this.#patienceMs),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'amiferry',
        ...signedHeaders(id, Math.floor(now / 1000), body, secrets),
      },
      lookup: this.#lookup,
    };
    return new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      };
      const request = url.startsWith('https:') ? httpsRequest(url, options) : httpRequest(url, options);
      request.once('response', answered).once('error', reject).end(body);
    });
  }
}

function withoutSecret({ ownOnly }: Message): string {
  return ownOnly
    ? 'the endpoint and its secrets were removed from WEBHOOK_ENDPOINTS_FILE'
    : 'no secret is set to sign it with (WEBHOOK_SECRETS)';
}

function resultOf(status: number): AttemptResult {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status };
  if (status === 410) return { outcome: 'gone' };
  const redirected = status >= 300 && status < 400;
  const error = redirected ? 'it answered with a redirect, which is not followed' : `it answered ${status}`;
  return { outcome: 'again', status, error };
}

/** An error that the caller may read: it contains nothing about the network of the service. */
function failureOf(error: unknown, patienceMs: number): AttemptResult {
  const { name, message, code } = asSystemError(error);
  if (error instanceof AddressRefused || /^DNS lookup .* is not allowed/.test(message))
    return { outcome: 'refused', error: 'its name resolves to an address to which no webhooks may be sent' };
  if (name === 'TimeoutError' || code === 'ABORT_ERR')
    return { outcome: 'again', status: null, error: `no answer within ${patienceMs / 1000} s` };
  return { outcome: 'again', status: null, error: `no answer: ${code ?? name}` };
}

function asSystemError(error: unknown): { name: string; message: string; code?: string } {
  return error instanceof Error ? error : { name: 'Error', message: String(error) };
}
