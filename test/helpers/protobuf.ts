/** The values of each field of a Protocol Buffers message, in order: numbers as bigint, everything else as bytes. */
export type Message = Map<number, (bigint | Buffer)[]>;

/** Reads a message without knowing its schema (https://protobuf.dev/programming-guides/encoding/). */
export function readMessage(bytes: Buffer): Message {
  const message: Message = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = Number(varint());
    const type = tag & 7;
    const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()));
    message.set(tag >> 3, [...(message.get(tag >> 3) ?? []), value]);
  }
  return message;
}

/** The messages, or bytes, of a field. */
export function bytesOf(message: Message, field: number): Buffer[] {
  return (message.get(field) ?? []).filter((value) => Buffer.isBuffer(value));
}

export function textOf(message: Message, field: number): string {
  return bytesOf(message, field)[0]?.toString('utf8') ?? '';
}

export function numberOf(message: Message, field: number): number {
  const [value] = message.get(field) ?? [];
  return typeof value === 'bigint' ? Number(value) : 0;
}
