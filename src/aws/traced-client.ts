import type { OpenSpan, SpanAttributes, Tracing } from '../tracing/tracing.ts';
import type { AwsService } from './error-codes.ts';

/** What the SDK says of a call that was answered or failed. */
interface Metadata {
  requestId?: string | undefined;
  httpStatusCode?: number | undefined;
  attempts?: number | undefined;
}

type Handler = (args: never) => Promise<{ output: unknown }>;
type Middleware = (next: Handler, context: { commandName?: string }) => Handler;

/** Any client of the AWS SDK. */
interface SdkClient {
  middlewareStack: { add(middleware: Middleware, options: { step: 'initialize'; name: string }): void };
}

/**
 * Makes a span for each call of a client, including the SDK's own tries: operation, region, request id and error code. The span
 * contains no part of the request or the answer.
 */
export function traced<Client extends SdkClient>(
  client: Client,
  tracing: Pick<Tracing, 'span'> | undefined,
  service: AwsService,
  region: string,
): Client {
  if (tracing === undefined) return client;
  const middleware: Middleware = (next, { commandName = '' }) => {
    const operation = commandName.replace(/Command$/, '');
    const attributes = {
      'rpc.system': 'aws-api',
      'rpc.service': service,
      'rpc.method': operation,
      'cloud.region': region,
    };
    return (args) =>
      tracing.span({ name: `${service}/${operation}`, kind: 'client', attributes }, (span) =>
        call(span, () => next(args)),
      );
  };
  client.middlewareStack.add(middleware, { step: 'initialize', name: 'amiferryTrace' });
  return client;
}

/** The name of an SDK error is EC2's own code, and becomes the span's `error.type`. */
async function call(span: OpenSpan, send: () => Promise<{ output: unknown }>): Promise<{ output: unknown }> {
  try {
    const result = await send();
    span.set(toldBy(result.output));
    return result;
  } catch (error) {
    span.set(toldBy(error));
    throw error;
  }
}

function toldBy(answer: unknown): SpanAttributes {
  const { requestId, httpStatusCode, attempts } = metadataOf(answer);
  return {
    ...(requestId === undefined ? {} : { 'aws.request_id': requestId }),
    ...(httpStatusCode === undefined ? {} : { 'http.response.status_code': httpStatusCode }),
    ...(attempts === undefined ? {} : { 'http.request.resend_count': attempts - 1 }),
  };
}

function metadataOf(answer: unknown): Metadata {
  if (typeof answer !== 'object' || answer === null || !('$metadata' in answer)) return {};
  const { $metadata } = answer;
  return typeof $metadata === 'object' && $metadata !== null ? $metadata : {};
}
