import type { Job } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import { refusalOf } from '../webhooks/refusal.ts';
import type { CommandDeps } from './deps.ts';

/** The endpoints to notify, as a job's record has them. */
export type Notified = Pick<Job, 'notify' | 'ownSecrets'>;

/**
 * Selects the endpoints that are notified of a new job: the configured ones, and the one that the request names.
 * @throws {AmiferryError} `webhooks-off`, `webhook-refused`
 */
export function endpointsFor({ webhooks }: CommandDeps, named?: string): Notified {
  const off = webhooks.secrets.length === 0;
  const own = webhooks.endpoints.current().map(({ url }) => url);
  const configured = [...new Set([...own, ...(off ? [] : webhooks.urls)])];
  const notified = (notify: string[]): Notified => ({ notify, ownSecrets: own });
  if (named === undefined) return notified(configured);
  if (off) {
    const message =
      'this service sends no webhooks to addresses that a request names: leave "notify" out, or ask the operator to set WEBHOOK_SECRETS';
    throw new AmiferryError('webhooks-off', message);
  }
  const refusal = refusalOf(named, webhooks);
  if (refusal === null) return notified([...new Set([...configured, new URL(named).href])]);
  const message = `"notify/url" ${refusal}`;
  throw new AmiferryError('webhook-refused', message, { errors: [{ pointer: '/notify/url', message }] });
}
