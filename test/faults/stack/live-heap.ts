import { once } from 'node:events';

/** Makes a Node process listen for an inspector, on a port of its own that it writes to stderr. */
export const INSPECTABLE = '--inspect=127.0.0.1:0';

/** Where each process's inspector listens, as its log tells. */
export class Inspectors {
  readonly #urls = new Map<string, string>();

  /** Hears of each line that a process wrote: its name, then what it wrote. */
  readonly log = (line: string): void => {
    const [, name, url] = /^(\S+) Debugger listening on (ws:\S+)/.exec(line) ?? [];
    if (name !== undefined && url !== undefined) this.#urls.set(name, url);
  };

  /** {@link liveBytes} of a process, by its name. */
  async liveBytes(name: string): Promise<number> {
    const url = this.#urls.get(name);
    if (url === undefined) throw new Error(`no inspector of ${name}`);
    return liveBytes(url);
  }
}

/**
 * What a process still refers to once V8 has collected all garbage, JavaScript heap and buffers, in bytes. Unlike
 * resident memory it doesn't depend on when V8 sees fit to collect: if it grows, something is held.
 * @param url where its inspector listens
 */
export async function liveBytes(url: string): Promise<number> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  try {
    await ask(socket, 1, 'HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = await ask(socket, 2, 'Runtime.getHeapUsage');
    return Number(usedSize) + Number(backingStorageSize ?? 0);
  } finally {
    socket.close();
  }
}

async function ask(socket: WebSocket, id: number, method: string): Promise<Record<string, unknown>> {
  const answered = Promise.withResolvers<Record<string, unknown>>();
  const hear = ({ data }: MessageEvent) => {
    const message = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> };
    if (message.id === id) answered.resolve(message.result ?? {});
  };
  socket.addEventListener('message', hear);
  socket.send(JSON.stringify({ id, method }));
  try {
    return await answered.promise;
  } finally {
    socket.removeEventListener('message', hear);
  }
}
