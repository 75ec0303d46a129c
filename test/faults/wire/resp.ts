/** A value of Redis' protocol (RESP 2 and 3), errors as their text, numbers as text too where RESP has text. */
export type Resp = string | number | boolean | null | Resp[];

export interface RespMessage {
  value: Resp;
  /** RESP 3: sent without having been asked for, so no answer to any command. */
  push: boolean;
}

/** Reads one RESP value. */
export function readResp(bytes: Buffer): { message: RespMessage; length: number } | undefined {
  const found = valueAt(bytes, 0);
  if (found === undefined) return undefined;
  return { message: { value: found.value, push: bytes[0] === '>'.charCodeAt(0) }, length: found.end };
}

interface Found {
  value: Resp;
  end: number;
}

function valueAt(bytes: Buffer, start: number): Found | undefined {
  const newline = bytes.indexOf('\r\n', start);
  if (newline < 0) return undefined;
  const type = String.fromCharCode(bytes[start] ?? 0);
  const line = bytes.toString('utf8', start + 1, newline);
  const end = newline + 2;
  if (type === '+' || type === '-' || type === '(' || type === ',') return { value: line, end };
  if (type === ':') return { value: Number(line), end };
  if (type === '#') return { value: line === 't', end };
  if (type === '_') return { value: null, end };
  const count = Number(line);
  if (type === '$' || type === '=' || type === '!') return textAt(bytes, end, count);
  if (type === '*' || type === '~' || type === '>') return listAt(bytes, end, count);
  if (type === '%') return listAt(bytes, end, count * 2);
  throw new Error(`No RESP: ${JSON.stringify(type + line)}`);
}

function textAt(bytes: Buffer, start: number, length: number): Found | undefined {
  if (length < 0) return { value: null, end: start };
  const end = start + length + 2;
  return bytes.length < end ? undefined : { value: bytes.toString('utf8', start, start + length), end };
}

function listAt(bytes: Buffer, start: number, count: number): Found | undefined {
  if (count < 0) return { value: null, end: start };
  const value: Resp[] = [];
  let end = start;
  for (let i = 0; i < count; i += 1) {
    const element = valueAt(bytes, end);
    if (element === undefined) return undefined;
    value.push(element.value);
    end = element.end;
  }
  return { value, end };
}

/** All texts in a value, however deep. */
export function textsIn(value: Resp): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return typeof value === 'string' ? [value] : [];
}
