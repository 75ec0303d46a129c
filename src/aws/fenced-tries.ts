import type { Fence } from './ec2/gateway.ts';

type Handler = (args: never) => Promise<{ output: unknown }>;

/** Any command of the AWS SDK. */
interface SdkCommand {
  middlewareStack: {
    add(
      middleware: (next: Handler) => Handler,
      options: { step: 'finalizeRequest'; name: string; priority: 'low' },
    ): void;
  };
}

/**
 * Asks the fence again before each further try that the SDK makes of a call by itself: seconds may have passed since the first. If the
 * fence rejects, no try is sent, and the call fails as one whose outcome is unknown, since an earlier try may have had its effect. The
 * caller asks the fence before the first try.
 */
export function fencedTries<Command extends SdkCommand>(command: Command, fence: Fence | undefined): Command {
  if (fence === undefined) return command;
  let tries = 0;
  const oneTry = (next: Handler) => async (args: never) => {
    tries += 1;
    if (tries > 1) await fence().catch(refuse);
    return next(args);
  };
  const options = { step: 'finalizeRequest', name: 'amiferryFenceOfTries', priority: 'low' } as const;
  command.middlewareStack.add(oneTry, options);
  return command;
}

/** The SDK makes no further try after an error that it does not know. */
function refuse(cause: unknown): never {
  throw new Error('no further try is sent: the call may no longer be made', { cause });
}
