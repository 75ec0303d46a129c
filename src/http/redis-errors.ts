/** ioredis' messages for a command that could not be sent or was not answered in time. */
const CLIENT_MESSAGES = new Set([
  'Connection is closed.',
  'Command timed out',
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Cluster isn't ready and enableOfflineQueue options is false",
  'Cluster is ended.',
  'All sentinels are unreachable and retry is disabled.',
]);

/** ioredis' error classes for commands that it gave up. */
const CLIENT_NAMES = new Set(['MaxRetriesPerRequestError', 'AbortError', 'ClusterAllFailedError']);

/** First words of the ReplyErrors that Redis sends while it can't execute commands. */
const REPLIES =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM|NOAUTH|WRONGPASS|BUSY)\b/;

/** System errors of a socket. A route gets only those of Redis: the EC2 gateway wraps its own. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);

/** Why there is no connection, for the health answer. It contains no address, user or password. */
export function connectionFault(error: unknown): string {
  if (!(error instanceof Error)) return 'the command failed';
  if (/^(?:WRONGPASS|NOAUTH|ERR AUTH)\b/.test(error.message))
    return 'it refuses the user or the password of REDIS_URL';
  if (/^MOVED\b/.test(error.message)) return 'it is a cluster: write REDIS_URL as redis+cluster://';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** Whether an error means that Redis is unavailable, or can't execute commands at the moment. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (CLIENT_NAMES.has(error.name) || CLIENT_MESSAGES.has(error.message)) return true;
  if (error.message.startsWith('Too many Cluster redirections.')) return true;
  if (error.name === 'ReplyError') return REPLIES.test(error.message);
  return 'code' in error && typeof error.code === 'string' && SOCKET_CODES.has(error.code);
}
