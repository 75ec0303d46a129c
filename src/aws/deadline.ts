type Handler = (args: never) => Promise<{ output: unknown }>;
/** The SDK gives each call a context object of its own, which is the same for all middleware. */
type Middleware = (next: Handler, context: object) => Handler;

/** Any client of the AWS SDK. */
interface SdkClient {
  middlewareStack: {
    add(middleware: Middleware, options: { step: 'initialize'; name: string; priority: 'high' }): void;
    add(middleware: Middleware, options: { step: 'finalizeRequest'; name: string; priority: 'low' }): void;
  };
}

/** AWS has not answered a call completely in time. The effect of the call, and of each of its tries, is unknown. */
class DeadlineError extends Error {
  override name = 'TimeoutError';
  readonly $metadata = { attempts: 2 };
}

/**
 * Ends each call of a client after so many milliseconds, with all its tries and each answer's body. The SDK's own
 * `requestTimeout` covers only the head of an answer: half a body followed by silence would be waited for without end. After
 * the deadline no further try is sent, because the caller has continued, and may have taken back what the call gave.
 */
export function withDeadline<Client extends SdkClient>(client: Client, milliseconds: number): Client {
  const deadlines = new WeakMap<object, number>();
  const wholeCall: Middleware = (next, context) => async (args) => {
    deadlines.set(context, performance.now() + milliseconds);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new DeadlineError(`no whole answer within ${milliseconds / 1000} s`)),
      milliseconds,
    );
    try {
      return await Promise.race([next(args), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
  const oneTry: Middleware = (next, context) => async (args) => {
    // The SDK makes no further try after an error that it does not know.
    if (performance.now() >= (deadlines.get(context) ?? Infinity)) throw new Error('the deadline has passed');
    return next(args);
  };
  const { middlewareStack } = client;
  middlewareStack.add(wholeCall, { step: 'initialize', name: 'amiferryDeadline', priority: 'high' });
  // The last middleware of this step: the SDK's retries come before it.
  middlewareStack.add(oneTry, { step: 'finalizeRequest', name: 'amiferryDeadlineOfTries', priority: 'low' });
  return client;
}
