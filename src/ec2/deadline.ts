type Handler = (args: never) => Promise<{ output: unknown }>;

/** Any client of the AWS SDK. */
interface SdkClient {
  middlewareStack: {
    add(
      middleware: (next: Handler) => Handler,
      options: { step: 'initialize'; name: string; priority: 'high' },
    ): void;
  };
}

/** AWS has not answered a call to its end in time. What the call did is unknown, and so is what its tries did. */
class DeadlineError extends Error {
  override name = 'TimeoutError';
  readonly $metadata = { attempts: 2 };
}

/**
 * Ends each call of a client after so many milliseconds: all tries, and each answer's body. The SDK's own `requestTimeout` ends with
 * the head of an answer, so that half a body followed by silence would be waited for without end.
 */
export function withDeadline<Client extends SdkClient>(client: Client, milliseconds: number): Client {
  const middleware = (next: Handler): Handler => {
    return async (args) => {
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
  };
  client.middlewareStack.add(middleware, { step: 'initialize', name: 'amiferryDeadline', priority: 'high' });
  return client;
}
