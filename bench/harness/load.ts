import autocannon from 'autocannon';
import { COPIES_PATH } from './copies.ts';

export interface Load {
  connections: number;
  seconds: number;
  body: object;
  /** `[<id>]` in a value is another id in each request. */
  headers: Record<string, string>;
}

/** Latencies in milliseconds. */
export interface Loaded {
  perSecond: number;
  p50: number;
  p99: number;
}

/** Posts copies for some seconds, each connection one after the other. @throws when any of them was not accepted */
export async function loadCopies(apiUrl: string, load: Load): Promise<Loaded> {
  const result = await autocannon({
    url: apiUrl + COPIES_PATH,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...load.headers },
    body: JSON.stringify(load.body),
    idReplacement: Object.values(load.headers).some((value) => value.includes('[<id>]')),
    connections: load.connections,
    duration: load.seconds,
  });
  const { non2xx, errors, latency, requests } = result;
  if (non2xx + errors > 0) throw new Error(`${non2xx} refused and ${errors} failed requests at ${apiUrl}`);
  return { perSecond: requests.average, p50: latency.p50, p99: latency.p99 };
}
