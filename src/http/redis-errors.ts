/** What ioredis says when a command could not be sent or was not answered in time. */
const CLIENT_MESSAGES = new Set([
  'Connection is closed.',
  'Command timed out',
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Cluster isn't ready and enableOfflineQueue options is false",
  'Cluster is ended.',
  'All sentinels are unreachable and retry is disabled.',
]);

/** ioredis' own error classes for commands it gave up. */
const CLIENT_NAMES = new Set(['MaxRetriesPerRequestError', 'AbortError', 'ClusterAllFailedError']);

/** What Redis answers while it can't do its work: the first word of a ReplyError. */
const REPLIES =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM|NOAUTH|WRONGPASS|BUSY)\b/;

/** System errors of a socket. Only Redis' ever come through to a route: the EC2 gateway wraps its own. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);

/** Why there is no connection, for the health answer: no address, no user, no password. */
export function connectionFault(error: unknown): string {
  if (!(error instanceof Error)) return 'it could not be asked';
  if (/^(?:WRONGPASS|NOAUTH|ERR AUTH)\b/.test(error.message))
    return 'it refuses the user or the password of REDIS_URL';
  if (/^MOVED\b/.test(error.message)) return 'it is a cluster: write REDIS_URL as redis+cluster://';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** Whether an error says that Redis is away, or can't take a command right now. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (CLIENT_NAMES.has(error.name) || CLIENT_MESSAGES.has(error.message)) return true;
  if (error.message.startsWith('Too many Cluster redirections.')) return true;
  if (error.name === 'ReplyError') return REPLIES.test(error.message);
  return 'code' in error && typeof error.code === 'string' && SOCKET_CODES.has(error.code);
}
