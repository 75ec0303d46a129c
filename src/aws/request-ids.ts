import { AsyncLocalStorage } from 'node:async_hooks';

/** Collects the request ids of the calls that changed something, within {@link collectRequestIds}. */
const collected = new AsyncLocalStorage<string[]>();

/** Runs `work`. `ids` then has the AWS request ids of the changes that it made, even if it failed. */
export async function collectRequestIds<T>(ids: string[], work: () => Promise<T>): Promise<T> {
  return collected.run(ids, work);
}

const READS = /^(?:Describe|List|Get)/;

/** What the SDK passes to its logger for each call. */
interface CallEntry {
  commandName?: string;
  metadata?: { requestId?: string };
}

/** An SDK "logger" that collects request ids and logs nothing. */
export const REQUEST_ID_LOGGER = {
  info: (entry: CallEntry) => {
    const { commandName = '', metadata } = entry;
    if (metadata?.requestId !== undefined && !READS.test(commandName))
      collected.getStore()?.push(metadata.requestId);
  },
  debug: () => undefined,
  error: () => undefined,
  warn: (warning: unknown) => process.emitWarning(String(warning)),
};
