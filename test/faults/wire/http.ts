/** One HTTP/1.1 request or answer. */
export interface HttpMessage {
  /** The request line or the status line. */
  start: string;
  /** By lower-case name. */
  headers: ReadonlyMap<string, string>;
  body: string;
}

/** Reads one HTTP/1.1 message with a body of known length or in chunks. */
export function readHttp(bytes: Buffer): { message: HttpMessage; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [start = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const headers = new Map(lines.map(headerOf));
  const bodyStart = headEnd + 4;
  const chunked = headers.get('transfer-encoding') === 'chunked';
  const found = chunked ? chunksAt(bytes, bodyStart) : bodyAt(bytes, bodyStart, headers);
  if (found === undefined) return undefined;
  return { message: { start, headers, body: found.body }, length: found.end };
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function bodyAt(bytes: Buffer, start: number, headers: ReadonlyMap<string, string>) {
  const end = start + Number(headers.get('content-length') ?? 0);
  return bytes.length < end ? undefined : { body: bytes.toString('utf8', start, end), end };
}

function chunksAt(bytes: Buffer, start: number): { body: string; end: number } | undefined {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const dataStart = lineEnd + 2;
    const next = dataStart + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(parts).toString(), end: next };
    parts.push(bytes.subarray(dataStart, dataStart + size));
    at = next;
  }
}
