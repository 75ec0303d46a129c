const LEVELS: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};
const NAME_WIDTH = 10;

/**
 * Formats a child's log line for people: pino's JSON becomes time, level, message and the other fields as JSON; any other text
 * stays as it is.
 */
export function logLine(name: string, line: string): string {
  return `${name.padEnd(NAME_WIDTH)}| ${readable(line)}`;
}

function readable(line: string): string {
  const entry = parse(line);
  if (entry === undefined) return line;
  const { time, level, msg, pid: _pid, hostname: _hostname, name: _name, ...rest } = entry;
  const clock = String(time).slice(11, 23);
  const fields = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  return `${clock} ${LEVELS[Number(level)] ?? String(level)} ${typeof msg === 'string' ? msg : ''}${fields}`;
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry: Record<string, unknown> = JSON.parse(line);
    return typeof entry['time'] === 'string' && typeof entry['level'] === 'number' ? entry : undefined;
  } catch {
    return undefined;
  }
}
