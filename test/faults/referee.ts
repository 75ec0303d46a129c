import type { Kind } from './checker.ts';
import type { Commit, Sighting } from './wire/sightings.ts';
import { wakeUpIn } from './wire/sightings.ts';
import type { Traffic } from './wire/traffic.ts';

/** Watches all traffic for what must never happen on the wire, however things end. */
export function watchRules(traffic: Traffic, found: (kind: Kind, what: string) => void): () => void {
  const written = new Map<string, string>();
  const created = new Set<string>();
  return traffic.watch((sighting) => {
    if (sighting.link !== 'redis') return undefined;
    for (const commit of sighting.commits) {
      // On its way counts: the answer may be lost with a connection.
      if (commit.from === 0) created.add(commit.jobId);
      if (sighting.phase === 'request') continue;
      checkVersion(commit, written, found);
      written.set(`${commit.jobId} ${commit.to}`, JSON.stringify(commit.job));
    }
    if (sighting.phase === 'request') checkOrder(sighting, created, found);
    return undefined;
  });
}

/**
 * Each version of a record is written once: two that were both taken mean that one undid the other unseen. The very same write
 * may come twice, since ioredis sends it again where a connection is lost, and is answered as before.
 */
function checkVersion(
  { jobId, to, job }: Commit,
  written: ReadonlyMap<string, string>,
  found: (kind: Kind, what: string) => void,
) {
  const earlier = written.get(`${jobId} ${to}`);
  if (to > 0 && earlier !== undefined && earlier !== JSON.stringify(job))
    found('wrong', `a stale write was taken: version ${to} of job ${jobId}`);
}

/** Record first, wake-up second: a wake-up for what nobody has written down yet would be lost. */
function checkOrder(
  sighting: Sighting,
  created: ReadonlySet<string>,
  found: (kind: Kind, what: string) => void,
) {
  if (sighting.link !== 'redis' || sighting.command !== 'addStandardJob') return;
  const wakeUp = wakeUpIn(sighting.args);
  if (wakeUp !== undefined && !created.has(wakeUp.jobId))
    found('wrong', `${wakeUp.step} of job ${wakeUp.jobId} was queued before the job was written`);
}
