import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { AppDeps } from '../deps.ts';
import { CONSOLE_HEADERS } from './security-headers.ts';

const DIRECTORY = new URL('../../../console/', import.meta.url);

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Browsers cache a file and revalidate it with its ETag: a new version is used at the next load. */
const CACHED = 'no-cache';

/**
 * The console at `/`: static files that use the API as any other client does. Each file is a route of its own, so that no path
 * traversal is possible, and unknown paths are answered as without the console.
 */
export const consolePages = fp<Pick<AppDeps, 'regions' | 'defaultRegion'>>(
  async (app, deps) => {
    const schema = { hide: true };
    const config = { ...CONSOLE_HEADERS, access: 'everybody' } as const;
    for (const name of await readdir(DIRECTORY)) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const text = await readFile(new URL(name, DIRECTORY), 'utf8');
      const isPage = name === 'index.html';
      const send = sender(isPage ? withRegions(text, deps) : text, type);
      app.get(isPage ? '/' : `/console/${name}`, { schema, config }, send);
    }
  },
  { name: 'console', dependencies: ['security-headers', 'authentication'] },
);

function sender(text: string, type: string) {
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
  return async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.headers({ etag, 'cache-control': CACHED });
    const known = request.headers['if-none-match']?.includes(etag) ?? false;
    return known ? reply.code(304).send() : reply.type(type).send(text);
  };
}

/** Puts the configured regions (REGIONS) into the page, so that its forms offer exactly those. */
function withRegions(page: string, { regions, defaultRegion }: Pick<AppDeps, 'regions' | 'defaultRegion'>) {
  const options = regions.map((region) => `<option value="${region}"></option>`).join('');
  return page
    .replace('<!-- regions -->', options)
    .replace('data-region=""', `data-region="${defaultRegion}"`);
}
