import { createHmac } from 'node:crypto';

/**
 * The headers of Standard Webhooks 1.0.0 for a message: its id, the time in seconds, and a signature (HMAC-SHA256 of
 * "id.timestamp.body") with each of the secrets, so that receivers can change from one to the next.
 */
export function signedHeaders(id: string, seconds: number, body: string, secrets: readonly string[]) {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  };
}
