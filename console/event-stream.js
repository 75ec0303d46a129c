/**
 * One server-sent event whose data is JSON. `id` and `type` are empty where the event has none.
 * @typedef {{ id: string, type: string, data: any }} ServerSentEvent
 */

/**
 * Makes a reader of server-sent events (HTML standard, section 9.2.6) with JSON as data: it takes the text of a stream in pieces
 * of any size, and returns the events that each piece completes. Comments and events without data are left out.
 * @returns {(text: string) => ServerSentEvent[]}
 */
export function eventReader() {
  let rest = '';
  return (text) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const data = field(block, 'data');
      return data === ''
        ? []
        : [{ id: field(block, 'id'), type: field(block, 'event'), data: JSON.parse(data) }];
    });
  };
}

/** @param {string} block @param {string} name */
function field(block, name) {
  const line = block.split('\n').find((one) => one.startsWith(`${name}: `));
  return line === undefined ? '' : line.slice(name.length + 2);
}
