import type { FastifyRequest } from 'fastify';
import { SESSION_SECONDS } from '../../store/queue-sessions.ts';

const NAME = 'amiferry_queues';
const SECRET = new RegExp(`(?:^|;\\s*)${NAME}=([A-Za-z0-9_-]{43})(?:;|$)`);

/** The secret of the session that a browser sends along; `null` without one. */
export function sessionOf({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  return SECRET.exec(headers.cookie ?? '')?.[1] ?? null;
}

/** Hands a session to the browser: out of reach of scripts, and of requests that come from other sites. */
export function sessionCookie(request: FastifyRequest, secret: string): string {
  return cookie(request, secret, SESSION_SECONDS);
}

/** Takes it away again. */
export function noSessionCookie(request: FastifyRequest): string {
  return cookie(request, '', 0);
}

function cookie(request: FastifyRequest, value: string, seconds: number): string {
  const secure = isHttps(request) ? '; Secure' : '';
  return `${NAME}=${value}; Path=/queues; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** A client that claims https falsely only keeps itself from sending the cookie back. */
function isHttps({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https';
}
