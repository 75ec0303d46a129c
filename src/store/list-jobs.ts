import type { RedisClient } from '../redis-client.ts';
import type { Job } from '../domain/job.ts';
import { jobState } from '../domain/job.ts';
import { chunksOf } from '../domain/chunks.ts';
import { parseJob, RECORD_FIELDS } from './records.ts';
import { AmiferryError } from '../errors.ts';
import type { StoreKeys } from './keys.ts';
import type { JobFilter, JobPage } from './store.ts';

/** Ids that one round trip reads, and that one page reads at most: with several filters, not every id matches. */
const BATCH = 1000;
const MOST = 10_000;

/**
 * Approximate bytes of the records of one page; a larger record is a page by itself. A process needs 20 ms for a megabyte, and a caller
 * may ask for a hundred pages a second.
 */
const PAGE_BYTES = 1024 * 1024;

/**
 * Jobs, newest first. It walks the smallest of the filters' indexes, checks which of its jobs are in all the others, and reads only those.
 * The work for one page is bounded, so a page may have fewer jobs than asked for, or none, and still not be the last.
 */
export async function listJobs(redis: RedisClient, keys: StoreKeys, filter: JobFilter): Promise<JobPage> {
  const [walked = keys.jobs, ...others] = await smallestFirst(redis, indexesFor(keys, filter));
  const page: Page = { jobs: [], bytes: 0, last: null };
  let from = filter.cursor === undefined ? null : parseCursor(filter.cursor);
  for (let seen = 0; seen < MOST; seen += BATCH) {
    const batch = await idsAfter(redis, walked, from);
    const isFull = await fill(redis, keys, page, await inAll(redis, others, batch), filter);
    if (isFull) return { jobs: page.jobs, nextCursor: cursorAt(page.last) };
    if (batch.length < BATCH) return { jobs: page.jobs, nextCursor: null };
    from = batch.at(-1) ?? null;
  }
  return { jobs: page.jobs, nextCursor: cursorAt(from) };
}

/** A page that is being filled. */
interface Page {
  jobs: Job[];
  bytes: number;
  /** The place up to which the page has all jobs that match. */
  last: Place | null;
}

/** Adds the jobs at some places until the page is full. Returns whether it became full before the last place. */
async function fill(
  redis: RedisClient,
  keys: StoreKeys,
  page: Page,
  places: Place[],
  filter: JobFilter,
): Promise<boolean> {
  for (let rest = places; rest.length > 0;) {
    const candidates = rest.slice(0, filter.limit - page.jobs.length);
    const sizes = await recordSizes(redis, keys, candidates);
    const fitting = candidates.slice(0, countFitting(sizes, page));
    if (fitting.length === 0) return true;
    const jobs = await readJobs(redis, keys, fitting);
    page.jobs.push(...jobs.filter((job) => matches(job, filter)));
    page.bytes += sizes.slice(0, fitting.length).reduce((sum, size) => sum + size, 0);
    page.last = fitting.at(-1) ?? page.last;
    rest = rest.slice(fitting.length);
  }
  return false;
}

/** How many of these records fit into the page. The first record of a page always fits. */
function countFitting(sizes: readonly number[], { bytes }: Page): number {
  let total = bytes;
  const over = sizes.findIndex((size) => (total += size) > PAGE_BYTES && total > size);
  return over === -1 ? sizes.length : over;
}

/** A place in an index: its score (creation time) and the id, which orders equal scores. */
interface Place {
  score: number;
  id: string;
}

/** The indexes that a job has to be in. */
function indexesFor(keys: StoreKeys, { imageId, state, kind, requestedBy }: JobFilter): string[] {
  return [
    ...(imageId === undefined ? [] : [keys.jobsByImage(imageId)]),
    ...(requestedBy === undefined ? [] : [keys.jobsByPrincipal(requestedBy)]),
    ...(state === undefined ? [] : [keys.jobsByState(state)]),
    ...(kind === undefined ? [] : [keys.jobsByKind(kind)]),
  ];
}

async function smallestFirst(redis: RedisClient, indexes: string[]): Promise<string[]> {
  if (indexes.length < 2) return indexes;
  const sizes = await run(
    redis,
    indexes.map((index) => ['zcard', index]),
  );
  const sized = indexes.map((index, i) => ({ index, size: Number(sizes[i]) }));
  return sized.toSorted((a, b) => a.size - b.size).map(({ index }) => index);
}

/** The places whose jobs are in all the other indexes too. */
async function inAll(redis: RedisClient, indexes: string[], places: Place[]): Promise<Place[]> {
  if (indexes.length === 0 || places.length === 0) return places;
  const ids = places.map(({ id }) => id);
  const scores = await run(
    redis,
    indexes.map((index) => ['zmscore', index, ...ids]),
  );
  return places.filter((_, i) => scores.every((found) => Array.isArray(found) && found[i] !== null));
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

/** Approximate bytes of one delivery. */
const DELIVERY_BYTES = 400;

/** Approximate bytes of each record with its deliveries; 0 for a record that is gone. */
async function recordSizes(redis: RedisClient, keys: StoreKeys, places: Place[]): Promise<number[]> {
  const sizes = await run(
    redis,
    places.flatMap(({ id }) => [
      ...RECORD_FIELDS.map((field) => ['hstrlen', keys.job(id), field]),
      ['hlen', keys.deliveries(id)],
    ]),
  );
  return chunksOf(sizes.map(Number), 3).map(
    ([plain = 0, packed = 0, deliveries = 0]) => plain + packed + deliveries * DELIVERY_BYTES,
  );
}

async function readJobs(redis: RedisClient, keys: StoreKeys, places: Place[]): Promise<Job[]> {
  const records = await run(
    redis,
    places.map(({ id }) => ['hmget', keys.job(id), ...RECORD_FIELDS]),
  );
  return records.flatMap((fields) => (Array.isArray(fields) ? (parseJob(fields) ?? []) : []));
}

/** The answer to each command, in order, by one round trip. @throws the first error among them */
async function run(redis: RedisClient, commands: string[][]): Promise<unknown[]> {
  const answers = (await redis.pipeline(commands).exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
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

function cursorAt(place: Place | null): string | null {
  return place === null ? null : Buffer.from(`${place.score} ${place.id}`).toString('base64url');
}

function parseCursor(cursor: string): Place {
  const [, score, id] =
    /^(\d{1,15}) ([0-9a-zA-Z-]+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (score === undefined || id === undefined) {
    throw new AmiferryError('invalid-cursor', 'give back the nextCursor of the page before, unchanged');
  }
  return { score: Number(score), id };
}
