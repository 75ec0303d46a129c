import { integer, number, text } from '../setting.ts';
import { WEBHOOK_SECRET } from '../../webhooks/settings.ts';

/** The endpoints of webhooks, and the secrets that sign them. */
export const WEBHOOKS = {
  WEBHOOK_SECRETS: text({
    default: '',
    pattern: `^${WEBHOOK_SECRET}(,${WEBHOOK_SECRET})*$`,
    description:
      'secrets that sign webhooks, separated by commas, each whsec_ and 24 to 64 bytes in base64; several during a rotation; if not set, only the endpoints of WEBHOOK_ENDPOINTS_FILE are notified',
  }),
  WEBHOOK_URLS: text({
    default: '',
    pattern: '^https?://[^,\\s]+(,https?://[^,\\s]+)*$',
    description: 'endpoints that are notified of every job, separated by commas',
  }),
  WEBHOOK_ENDPOINTS_FILE: text({
    default: '',
    pattern: '.',
    description:
      'file of endpoints that are notified of every job, each with its own secrets (docs/webhooks.md)',
  }),
  WEBHOOK_HOSTS: text({
    default: '',
    pattern: '^(\\*\\.)?[a-z0-9.:-]+(,(\\*\\.)?[a-z0-9.:-]+)*$',
    description:
      'hosts that webhooks may be sent to, separated by commas; *.example.com allows all names below it; if not set, all public hosts',
  }),
  WEBHOOK_HTTP: integer({
    default: 0,
    minimum: 0,
    maximum: 1,
    description: '1: webhooks may go to http:// too',
  }),
  WEBHOOK_PRIVATE_ADDRESSES: text({
    default: '',
    pattern: '^[0-9a-f.:]+(/[0-9]{1,3})?(,[0-9a-f.:]+(/[0-9]{1,3})?)*$',
    description:
      'addresses and CIDR ranges that webhooks may be sent to although they are not public, separated by commas',
  }),
  WEBHOOK_RETRY_DAYS: number({
    default: 3,
    minimum: 0.0001,
    maximum: 30,
    description: 'days for which a failed webhook is retried',
  }),
};
