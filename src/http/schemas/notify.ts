import { Type } from 'typebox';
import { CLOSED } from './component.ts';

/** The webhook endpoint that a request names. */
export const Notify = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://[\\x21-\\x7e]+$',
      maxLength: 2048,
      description: 'https:// address that gets a signed POST (Standard Webhooks).',
      'x-rule': 'must be a URL of at most 2048 characters that begins with https://',
    }),
  },
  {
    ...CLOSED,
    examples: [{ url: 'https://ci.example.com/hooks/amiferry' }],
    description:
      'The endpoint that is notified when the job has finished and, for a copy, when each destination has.',
  },
);
