/** One server-sent event: its id, and its data read as JSON. */
export interface ServerSentEvent<Data> {
  id: string;
  data: Data;
}

/** The events of an answer, as they come (HTML standard, section 9.2.6). Comments and what has no data are left out. */
export async function* serverSentEvents<Data>(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent<Data>> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const text = fieldOf(block, 'data');
      if (text === null) continue;
      const data: Data = JSON.parse(text);
      yield { id: fieldOf(block, 'id') ?? '', data };
    }
  }
}

function fieldOf(block: string, name: string): string | null {
  const line = block.split('\n').find((one) => one.startsWith(`${name}: `));
  return line === undefined ? null : line.slice(name.length + 2);
}
