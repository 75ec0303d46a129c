import { AmiferryError } from '../errors.ts';
import { refusalOf } from '../webhooks/refusal.ts';
import type { CommandDeps } from './deps.ts';

/**
 * The endpoints that are told of a new job: the configured ones, and the one that its request names.
 * @throws {AmiferryError} `webhooks-off`, `webhook-refused`
 */
export function endpointsFor({ webhooks }: CommandDeps, named?: string): string[] {
  const off = webhooks.secrets.length === 0;
  const own = webhooks.endpoints.current().map(({ url }) => url);
  const configured = [...new Set([...own, ...(off ? [] : webhooks.urls)])];
  if (named === undefined) return configured;
  if (off) {
    const message =
      'this service sends no webhooks to addresses that a request names: leave "notify" out, or have the operator set WEBHOOK_SECRETS';
    throw new AmiferryError('webhooks-off', message);
  }
  const refusal = refusalOf(named, webhooks);
  if (refusal === null) return [...new Set([...configured, new URL(named).href])];
  const message = `"notify/url" ${refusal}`;
  throw new AmiferryError('webhook-refused', message, { errors: [{ pointer: '/notify/url', message }] });
}
