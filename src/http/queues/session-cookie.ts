import type { FastifyRequest } from 'fastify';
import { SESSION_SECONDS } from '../../store/queue-sessions.ts';

const NAME = 'amiferry_queues';
const SECRET = new RegExp(`(?:^|;\\s*)${NAME}=([A-Za-z0-9_-]{43})(?:;|$)`);

/** The session secret in a request's cookie; `null` without one. */
export function sessionOf({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  return SECRET.exec(headers.cookie ?? '')?.[1] ?? null;
}

/** The Set-Cookie header that starts a session: HttpOnly, and never sent from other sites. */
export function sessionCookie(request: FastifyRequest, secret: string): string {
  return cookie(request, secret, SESSION_SECONDS);
}

/** The Set-Cookie header that removes the session. */
export function noSessionCookie(request: FastifyRequest): string {
  return cookie(request, '', 0);
}

function cookie(request: FastifyRequest, value: string, seconds: number): string {
  const secure = isHttps(request) ? '; Secure' : '';
  return `${NAME}=${value}; Path=/queues; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** X-Forwarded-Proto is not verified: a client that sends a false `https` only loses its own cookie. */
function isHttps({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https';
}
