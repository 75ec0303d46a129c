interface HostPort {
  host: string;
  port: number;
}

interface Credentials {
  username?: string;
  password?: string;
}

/** The address of Redis in REDIS_URL. */
export type RedisAddress =
  | { kind: 'single'; url: string }
  | { kind: 'cluster'; nodes: HostPort[]; tls: boolean; credentials: Credentials }
  | {
      kind: 'sentinel';
      sentinels: HostPort[];
      /** The name of the master that the Sentinels watch. */
      master: string;
      db: number;
      tls: boolean;
      credentials: Credentials;
      /** User and password of the Sentinels themselves, where they require any. */
      sentinelCredentials: Credentials;
    };

const PORTS = { cluster: 6379, sentinel: 26_379 };

const SEVERAL =
  /^redis(?<tls>s?)\+(?<kind>cluster|sentinel):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?]+)(?:\/(?<master>[^/?]*)(?:\/(?<db>\d{1,4}))?)?(?:\?(?<query>.*))?$/;

/**
 * Reads a REDIS_URL:
 *
 * - `redis://user:password@host:port/0`, or `rediss://` over TLS: one server;
 * - `redis+cluster://user:password@host:port,host:port`: a cluster, by any of its nodes;
 * - `redis+sentinel://user:password@host:port,host:port/master/0?sentinelUsername=…&sentinelPassword=…`: the master of
 * that name. `rediss+…` uses TLS for all of them. Special characters in names and passwords are percent-encoded.
 *
 * @throws an Error that says what is wrong and does not repeat the URL, which may contain a password
 */
export function parseRedisUrl(url: string): RedisAddress {
  if (/^rediss?:\/\//.test(url)) {
    // ioredis' own error contains the whole address, and so would the stack on the console.
    if (!URL.canParse(url))
      throw new Error('is no URL: is there a port that is none, or something not percent-encoded?');
    return { kind: 'single', url };
  }
  const parts = SEVERAL.exec(url)?.groups;
  if (parts === undefined)
    throw new Error('is none of redis://, rediss://, redis+cluster:// and redis+sentinel://');
  const { kind, hosts = '', master, db, query } = parts;
  const tls = parts['tls'] === 's';
  const credentials = credentialsOf(decoded(parts['user']), decoded(parts['password']));
  const at = hosts.split(',').map((host) => hostPort(host, kind === 'cluster' ? 'cluster' : 'sentinel'));
  if (kind === 'cluster') {
    if ((master ?? '') !== '' && master !== '0') throw new Error('names a database: a cluster has only 0');
    return { kind, nodes: at, tls, credentials };
  }
  if ((master ?? '') === '') throw new Error('lacks the name of the master: redis+sentinel://host:port/NAME');
  const more = new URLSearchParams(query);
  const sentinelCredentials = credentialsOf(more.get('sentinelUsername'), more.get('sentinelPassword'));
  return {
    kind: 'sentinel',
    sentinels: at,
    master: decoded(master) ?? '',
    db: Number(db ?? 0),
    tls,
    credentials,
    sentinelCredentials,
  };
}

function hostPort(text: string, kind: keyof typeof PORTS): HostPort {
  const parsed = URL.parse(`redis://${text}`);
  if (parsed === null || parsed.hostname === '') throw new Error('has a host that is no host:port');
  // An IPv6 address has brackets in a URL, and none anywhere else.
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: parsed.port === '' ? PORTS[kind] : Number(parsed.port) };
}

function credentialsOf(username: string | null, password: string | null): Credentials {
  return { ...(username && { username }), ...(password && { password }) };
}

function decoded(text: string | undefined): string | null {
  try {
    return text === undefined ? null : decodeURIComponent(text);
  } catch {
    throw new Error('has a % that is not percent-encoded, as %25');
  }
}
