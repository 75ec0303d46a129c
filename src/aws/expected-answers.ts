import { buffer } from 'node:stream/consumers';

/** An answer with a status of success that did not come from AWS. The effect of the call is unknown; the SDK retries it. */
export class UnexpectedAnswer extends Error {
  override name = 'UnexpectedAnswer';
  readonly $retryable = {};
}

interface RawResponse {
  statusCode: number;
  body: unknown;
}

type Handler = (args: never) => Promise<{ response: unknown; output?: unknown }>;

/** Any client of the AWS SDK. */
interface SdkClient {
  middlewareStack: {
    add(
      middleware: (next: Handler, context: { commandName?: string }) => Handler,
      options: { step: 'deserialize'; name: string; priority: 'low' },
    ): void;
  };
}

/** How the body of a successful answer begins: EC2's names its operation; one in JSON is an object, or empty. */
const BEGINS = {
  xml: (operation: string) => new RegExp(`^\\s*(?:<\\?xml[^>]*\\?>\\s*)?<${operation}Response[\\s>/]`),
  json: () => /^\s*(?:\{|$)/,
};

/** How many characters of a body are checked. */
const HEAD = 300;

/**
 * Refuses a successful answer that is not the service's own: the page of a firewall, a proxy or a captive portal, or an empty
 * one. The SDK reads such a page as an answer in which every field is missing, so that a list would be empty.
 */
export function withExpectedAnswers<Client extends SdkClient>(
  client: Client,
  format: keyof typeof BEGINS,
): Client {
  client.middlewareStack.add(
    (next, { commandName = '' }) => {
      const begins = BEGINS[format](commandName.replace(/Command$/, ''));
      return async (args) => {
        const result = await next(args);
        if (isRaw(result.response) && result.response.statusCode < 300) await check(result.response, begins);
        return result;
      };
    },
    { step: 'deserialize', name: 'amiferryExpectedAnswer', priority: 'low' },
  );
  return client;
}

/** Reads the body, and passes it on to the SDK unchanged. @throws {UnexpectedAnswer} */
async function check(response: RawResponse, begins: RegExp): Promise<void> {
  const { body } = response;
  const read = isStream(body) ? await buffer(body) : Buffer.alloc(0);
  response.body = read;
  const head = read.toString('utf8', 0, HEAD);
  if (begins.test(head)) return;
  const shown = head === '' ? 'it is empty' : `it begins with ${JSON.stringify(head.slice(0, 30))}`;
  throw new UnexpectedAnswer(
    `the answer is not one of AWS, ${shown}. Is a proxy, a firewall or a captive portal in between?`,
  );
}

function isRaw(response: unknown): response is RawResponse {
  return typeof response === 'object' && response !== null && 'statusCode' in response && 'body' in response;
}

function isStream(body: unknown): body is NodeJS.ReadableStream {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}

/** A list that AWS always returns, even if it is empty. @throws {UnexpectedAnswer} where it is missing */
export function listIn<T>(list: T[] | undefined, name: string): T[] {
  if (list !== undefined) return list;
  throw new UnexpectedAnswer(`the answer of AWS lacks ${name}`);
}
