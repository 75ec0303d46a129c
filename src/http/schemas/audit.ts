import { Type } from 'typebox';
import type { Static } from 'typebox';
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../../domain/audit.ts';
import { CLOSED, component, nullable, nullableRef, oneOf, ref } from './component.ts';
import { JobId } from './fields.ts';
import { NamedImage } from './image.ts';
import { PermissionState } from './permissions.ts';

export const AuditEntry = component(
  'AuditEntry',
  Type.Object(
    {
      id: Type.String({ description: 'Ids rise with time.' }),
      at: Type.String({ format: 'date-time', description: "When, by Redis' clock." }),
      action: oneOf(AUDIT_ACTIONS, {
        description:
          'A request (use-route: one that lacked the scope for its route; open-queues: a browser was let at /queues), or work: share-image, put-permissions-back.',
      }),
      outcome: oneOf(AUDIT_OUTCOMES, {
        description:
          'Of a request: allowed | denied. Of work: done | refused (nothing was changed) | failed.',
      }),
      principal: Type.String({ description: 'Who asked for it: key:NAME, oidc:SUBJECT or anonymous.' }),
      credential: nullable(
        Type.String({
          description: 'Id of the key or token; null for work, which is done without one.',
        }),
      ),
      policyVersion: nullable(
        Type.String({
          description: 'Digest of the policy file that the decision was made by; null without one.',
        }),
      ),
      jobId: nullable(JobId),
      image: nullableRef(NamedImage),
      what: Type.Unsafe<object | null>({
        type: ['object', 'null'],
        additionalProperties: true,
        description: 'What was asked for.',
      }),
      before: nullableRef(PermissionState),
      after: nullableRef(PermissionState),
      reasons: Type.Array(Type.String(), { description: 'Why it was denied or refused, or why it failed.' }),
      awsRequestIds: Type.Array(Type.String(), {
        description: "AWS' request ids of the calls that changed anything.",
      }),
    },
    { ...CLOSED, description: 'Who asked for what, and what became of it.' },
  ),
);

export const AuditPage = component(
  'AuditPage',
  Type.Object(
    {
      entries: Type.Array(ref(AuditEntry)),
      nextCursor: nullable(
        Type.String({
          description:
            'Give it as ?cursor= to get the next page; null on the last one. With filters a page may be short, or empty, and not the last.',
        }),
      ),
    },
    { ...CLOSED, description: 'Entries of the audit, newest first.' },
  ),
);

export type AuditPage = Static<typeof AuditPage>;
