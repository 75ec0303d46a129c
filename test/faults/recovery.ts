import type { Subject } from './moments.ts';
import { concerns } from './moments.ts';
import type { Supervised } from './stack/supervised.ts';
import type { Sighting } from './wire/sightings.ts';

/** Measures how long the work of a killed worker lies still: until another process does anything for the same job. */
export class Recovery {
  /** Milliseconds, each from a kill -9 to the next write or EC2 call for the job. */
  readonly times: number[] = [];
  readonly #waiting = new Set<() => void>();

  /** The worker that was at the subject has just been killed. */
  began(subject: Subject, killed: Supervised): void {
    const since = performance.now();
    const pid = killed.pid;
    const unwatch = subject.traffic.watch((sighting) => {
      // What it had sent before it died may still come through.
      const late = sighting.process === killed.name && killed.pid === pid;
      if (late || !goesOn(sighting, subject)) return undefined;
      this.times.push(performance.now() - since);
      over();
      return undefined;
    });
    const over = () => {
      unwatch();
      this.#waiting.delete(over);
    };
    this.#waiting.add(over);
  }

  /** The round is over: where nothing was left to do there was nothing to measure. */
  forget(): void {
    for (const over of this.#waiting) over();
  }
}

function goesOn(sighting: Sighting, subject: Subject): boolean {
  if (sighting.phase !== 'request' || !sighting.process.startsWith('worker')) return false;
  if (sighting.link === 'ec2') return concerns(sighting, subject);
  const jobs = sighting.link === 'redis' ? sighting.commits.flatMap(({ job }) => job ?? []) : [];
  return jobs.some((job) => subject.traffic.nameOf(job) === subject.name);
}
