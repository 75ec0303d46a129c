/** One whole message out of a stream of bytes, with the bytes that it came as. */
export interface Frame<Message> {
  raw: Buffer;
  message: Message;
}

/** Reads one message from the start of `bytes`; `undefined` while it isn't whole yet. */
export type Reader<Message> = (bytes: Buffer) => { message: Message; length: number } | undefined;

/** Cuts a stream of bytes, however it arrives, into messages. */
export class Framer<Message> {
  readonly #read: Reader<Message>;
  #left: Buffer = Buffer.alloc(0);

  constructor(read: Reader<Message>) {
    this.#read = read;
  }

  push(chunk: Buffer): Frame<Message>[] {
    this.#left = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    const frames: Frame<Message>[] = [];
    for (;;) {
      const found = this.#left.length === 0 ? undefined : this.#read(this.#left);
      if (found === undefined) return frames;
      frames.push({ raw: this.#left.subarray(0, found.length), message: found.message });
      this.#left = this.#left.subarray(found.length);
    }
  }
}
