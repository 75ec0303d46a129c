import type { App, AppDeps } from '../deps.ts';
import { presentAuditPage } from '../present.ts';
import { AuditPage } from '../schemas/audit.ts';
import { AuditQuery } from '../schemas/parameters.ts';
import { answer, JOB_ERRORS, problems } from '../documented.ts';

const DEFAULT_LIMIT = 20;

const schema = {
  operationId: 'listAudit',
  tags: ['service'],
  summary: 'Who asked for what, and what became of it',
  description:
    'The audit, newest first: every request that would change something, allowed or denied, and every change of permissions with before and after. Redis keeps about the last AUDIT_ENTRIES; the log has all.',
  querystring: AuditQuery,
  response: {
    200: answer('A page of entries.', AuditPage),
    ...problems(...JOB_ERRORS),
  },
} as const;

export function listAudit(app: App, deps: AppDeps): void {
  app.get('/audit', { schema, config: { access: ['amis:admin'] } }, async (request) =>
    presentAuditPage(await deps.audit.list({ limit: DEFAULT_LIMIT, ...request.query })),
  );
}
