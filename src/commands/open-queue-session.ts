import type { Principal } from '../domain/access.ts';
import { auditEntry, byPrincipal } from '../domain/audit.ts';
import type { QueueSessions } from '../store/queue-sessions.ts';
import type { CommandDeps } from './deps.ts';

/** Opens a session in which an administrator's browser may read the queues, and audits that. @returns the session's secret */
export async function openQueueSession(
  {
    audit,
    policy,
    queueSessions,
  }: Pick<CommandDeps, 'audit' | 'policy'> & {
    queueSessions: Pick<QueueSessions, 'open'>;
  },
  principal: Principal,
): Promise<string> {
  const secret = await queueSessions.open(principal);
  const who = byPrincipal(principal, policy.current());
  await audit.record(auditEntry({ action: 'open-queues', outcome: 'allowed', ...who }));
  return secret;
}
