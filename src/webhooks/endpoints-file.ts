import { Type } from 'typebox';
import { CheckedFile, parseChecked } from '../checked-file.ts';
import type { Endpoint, WebhookConfig, WebhookSettings } from './settings.ts';
import { NO_WEBHOOKS, WEBHOOK_SECRET } from './settings.ts';

const Endpoints = Type.Object(
  {
    endpoints: Type.Array(
      Type.Object(
        {
          url: Type.String({ pattern: '^https?://[\\x21-\\x7e]+$', maxLength: 2048 }),
          secrets: Type.Array(Type.String({ pattern: `^${WEBHOOK_SECRET}$` }), { minItems: 1, maxItems: 4 }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

/** @throws an error that says where the text violates the schema, and quotes no secret */
export function parseEndpoints(text: string): Endpoint[] {
  const { endpoints } = parseChecked(Endpoints, text);
  return endpoints.map(({ url, secrets }) => ({ url: new URL(url).href, secrets }));
}

/** Loads the configured webhooks, and the file that is reloaded on SIGHUP. @throws {ConfigError} */
export function webhooksOf({ webhooks }: { webhooks: WebhookConfig }): {
  webhooks: WebhookSettings;
  files: CheckedFile<Endpoint[]>[];
} {
  const { endpointsFile, ...rest } = webhooks;
  if (endpointsFile === '') return { webhooks: { ...NO_WEBHOOKS, ...rest }, files: [] };
  const file = new CheckedFile('WEBHOOK_ENDPOINTS_FILE', endpointsFile, parseEndpoints);
  return { webhooks: { ...rest, endpoints: file }, files: [file] };
}
