import type { HttpMessage } from './http.ts';
import { readHttp } from './http.ts';
import type { Conversation } from './proxy.ts';
import { Proxy } from './proxy.ts';
import type { HttpSighting } from './sightings.ts';
import type { Traffic } from './traffic.ts';

/** A proxy between those who call the API and the API. */
export function httpProxy(target: number, traffic: Traffic): Proxy<HttpMessage> {
  return new Proxy({ target, read: readHttp, follow: () => follow(traffic) });
}

function follow(traffic: Traffic): Conversation<HttpMessage> {
  const asked: Pick<HttpSighting, 'method' | 'path'>[] = [];
  return {
    request({ start }) {
      const [method = '', path = ''] = start.split(' ');
      asked.push({ method, path });
      return traffic.see({
        method,
        path,
        link: 'http',
        process: 'client',
        phase: 'request',
        status: 0,
        body: '',
      });
    },
    reply({ start, body }) {
      const one = asked.shift();
      if (one === undefined) return undefined;
      const status = Number(start.split(' ')[1]);
      return traffic.see({ ...one, link: 'http', process: 'client', phase: 'reply', status, body });
    },
  };
}
