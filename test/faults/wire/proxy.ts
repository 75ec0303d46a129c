import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { Framer } from './frames.ts';
import type { Reader } from './frames.ts';

/** A promise holds the message back until it resolves; what comes behind it on the connection waits too. */
export type Hold = Promise<void> | undefined;

/** Follows one connection: sees each message before it is passed on. */
export interface Conversation<Message> {
  request(message: Message): Hold;
  reply(message: Message): Hold;
}

export interface ProxyOptions<Message> {
  /** The port on loopback that everything is passed on to. */
  target: number;
  read: Reader<Message>;
  /** Called for each new connection. */
  follow(): Conversation<Message>;
}

/** A TCP proxy on loopback that understands the protocol well enough to stop between any two messages. */
export class Proxy<Message> {
  readonly #options: ProxyOptions<Message>;
  readonly #sockets = new Set<Socket>();
  readonly #stalled = new WeakSet<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));
  #silence: PromiseWithResolvers<void> | undefined;
  #refusing = false;
  #halves = 0;

  constructor(options: ProxyOptions<Message>) {
    this.#options = options;
  }

  async listen(): Promise<number> {
    const listening = Promise.withResolvers<void>();
    this.#server.once('error', listening.reject);
    this.#server.listen(0, '127.0.0.1', listening.resolve);
    await listening.promise;
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** New connections are reset at once, and those that there are, until {@link admit}. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  admit(): void {
    this.#refusing = false;
  }

  /** The connections that there are stay open and pass nothing on any more; new ones work. */
  stall(): void {
    for (const socket of this.#sockets) this.#stalled.add(socket);
  }

  /** Of the next so many answers half is passed on, and nothing more on their connections. */
  halve(answers: number): void {
    this.#halves = answers;
  }

  /** Nothing is passed on any more, either way, and nothing is closed, until {@link speak}. */
  hang(): void {
    this.#silence ??= Promise.withResolvers<void>();
  }

  speak(): void {
    this.#silence?.resolve();
    this.#silence = undefined;
  }

  async close(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.cut();
    await closed.promise;
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#options.target, '127.0.0.1');
    const { request, reply } = this.#options.follow();
    this.#pump(client, upstream, request, (raw) => raw);
    this.#pump(upstream, client, reply, (raw) => this.#halved(raw, upstream));
  }

  /** Passes on message by message, in order. When one end is gone so is the other. */
  #pump(from: Socket, to: Socket, see: (message: Message) => Hold, change: (raw: Buffer) => Buffer): void {
    const framer = new Framer(this.#options.read);
    let tail: Promise<void> | undefined;
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      for (const { raw, message } of framer.push(chunk)) {
        if (this.#stalled.has(from)) continue;
        const pass = () => this.#pass(to, change(raw), see(message));
        if (tail !== undefined) tail = tail.then(pass);
        else tail = pass();
        const mine = tail;
        void mine?.then(() => {
          if (tail === mine) tail = undefined;
        });
      }
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
  }

  #halved(raw: Buffer, from: Socket): Buffer {
    if (this.#halves === 0) return raw;
    this.#halves -= 1;
    this.#stalled.add(from);
    return raw.subarray(0, raw.length / 2);
  }

  #pass(to: Socket, raw: Buffer, hold: Hold): Promise<void> | undefined {
    const waits = [hold, this.#silence?.promise].filter((one) => one !== undefined);
    if (waits.length === 0) {
      to.write(raw);
      return undefined;
    }
    return Promise.all(waits).then(() => {
      if (!to.destroyed) to.write(raw);
    });
  }
}
