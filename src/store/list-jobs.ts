import type { RedisClient } from '../redis-client.ts';
import type { Job } from '../domain/job.ts';
import { jobState } from '../domain/job.ts';
import { parseJob } from './records.ts';
import { AmiferryError } from '../errors.ts';
import type { StoreKeys } from './keys.ts';
import type { JobFilter, JobPage } from './store.ts';

/** How many ids one round trip looks at: with several filters not every one of them matches. */
const BATCH = 200;

/** Jobs newest first. The narrowest index is walked, the other filters are checked on the records. */
export async function listJobs(redis: RedisClient, keys: StoreKeys, filter: JobFilter): Promise<JobPage> {
  const jobs: Job[] = [];
  let from = filter.cursor === undefined ? null : parseCursor(filter.cursor);
  for (;;) {
    const page = await idsAfter(redis, indexFor(keys, filter), from);
    for (const job of await readJobs(
      redis,
      keys,
      page.map((entry) => entry.id),
    )) {
      if (!matches(job, filter)) continue;
      if (jobs.length === filter.limit) return { jobs, nextCursor: cursorAt(jobs) };
      jobs.push(job);
    }
    from = page.at(-1) ?? null;
    if (page.length < BATCH || from === null) return { jobs, nextCursor: null };
  }
}

/** A place in an index: its score (creation time) and the id, which orders equal scores. */
interface Place {
  score: number;
  id: string;
}

function indexFor(keys: StoreKeys, { imageId, state, kind, requestedBy }: JobFilter): string {
  if (imageId !== undefined) return keys.jobsByImage(imageId);
  if (requestedBy !== undefined) return keys.jobsByPrincipal(requestedBy);
  if (state !== undefined) return keys.jobsByState(state);
  return kind === undefined ? keys.jobs : keys.jobsByKind(kind);
}

/** The next entries of the index after a place, newest first. Equal scores come in falling order of id. */
async function idsAfter(redis: RedisClient, index: string, from: Place | null): Promise<Place[]> {
  const top = from === null ? '+inf' : String(from.score);
  const found: Place[] = [];
  for (let offset = 0; found.length < BATCH; offset += BATCH) {
    const flat = await redis.zrange(
      index,
      top,
      '-inf',
      'BYSCORE',
      'REV',
      'LIMIT',
      offset,
      BATCH,
      'WITHSCORES',
    );
    const places = pairs(flat);
    found.push(...places.filter((one) => from === null || one.score < from.score || one.id < from.id));
    if (places.length < BATCH) break;
  }
  return found.slice(0, BATCH);
}

function pairs(flat: string[]): Place[] {
  const places: Place[] = [];
  for (let i = 0; i < flat.length; i += 2) places.push({ id: flat[i] ?? '', score: Number(flat[i + 1]) });
  return places;
}

async function readJobs(redis: RedisClient, keys: StoreKeys, ids: string[]): Promise<Job[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hget(keys.job(id), 'record');
  const answers = (await pipeline.exec()) ?? [];
  return answers.flatMap(([error, json]) => {
    if (error !== null) throw error;
    return typeof json === 'string' ? [parseJob(json)] : [];
  });
}

function matches(job: Job, { imageId, state, kind, requestedBy }: JobFilter): boolean {
  if (requestedBy !== undefined && job.requestedBy !== requestedBy) return false;
  if (imageId !== undefined && !involves(job, imageId)) return false;
  return (state === undefined || jobState(job) === state) && (kind === undefined || job.kind === kind);
}

function involves(job: Job, imageId: string): boolean {
  if (job.image.id === imageId) return true;
  return job.kind === 'copy' && job.destinations.some((one) => one.imageId === imageId);
}

function cursorAt(jobs: Job[]): string | null {
  const last = jobs.at(-1);
  return last === undefined ? null : Buffer.from(`${last.createdAt} ${last.id}`).toString('base64url');
}

function parseCursor(cursor: string): Place {
  const [, score, id] =
    /^(\d{1,15}) ([0-9a-zA-Z-]+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (score === undefined || id === undefined) {
    throw new AmiferryError('invalid-cursor', 'give back the nextCursor of the page before, unchanged');
  }
  return { score: Number(score), id };
}
