import type { HttpMessage } from './http.ts';
import { readHttp } from './http.ts';
import type { Conversation } from './proxy.ts';
import { Proxy } from './proxy.ts';
import type { Ec2Sighting } from './sightings.ts';
import type { Traffic } from './traffic.ts';

type Asked = Pick<Ec2Sighting, 'action' | 'region' | 'form'>;

/** A proxy between one of our processes and EC2. */
export function ec2Proxy(process: string, target: number, traffic: Traffic): Proxy<HttpMessage> {
  return new Proxy({ target, read: readHttp, follow: () => follow(process, traffic) });
}

function follow(process: string, traffic: Traffic): Conversation<HttpMessage> {
  const asked: Asked[] = [];
  return {
    request(message) {
      const one = callIn(message);
      asked.push(one);
      return traffic.see({ ...one, link: 'ec2', process, phase: 'request', status: 0, body: message.body });
    },
    reply({ start, body }) {
      const one = asked.shift();
      if (one === undefined) return undefined;
      const status = Number(start.split(' ')[1]);
      return traffic.see({ ...one, link: 'ec2', process, phase: 'reply', status, body });
    },
  };
}

/** The region is in the credential scope of the signature (SigV4). KMS names its action in a header, and has no form. */
function callIn({ headers, body }: HttpMessage): Asked {
  const form = new URLSearchParams(body);
  const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers.get('authorization') ?? '')?.[1] ?? '';
  return { action: form.get('Action') ?? headers.get('x-amz-target')?.split('.')[1] ?? '', region, form };
}
