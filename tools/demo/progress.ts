import type { JobEvent } from '../../src/http/schemas/event.ts';
import type { CopyJob } from '../../src/http/schemas/job.ts';
import type { Screen } from './screen.ts';

type Destination = CopyJob['destinations'][number];

const BAR_WIDTH = 28;
const NAME_WIDTH = 16;
/** Without a terminal, a line is written at each change of state and at each step of this many percent. */
const STEP_PERCENT = 25;

/** `████████░░░░` for a percentage. */
export function bar(percent: number, width = BAR_WIDTH): string {
  const full = Math.round((Math.min(Math.max(percent, 0), 100) / 100) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** `eu-west-1  42 %  pending  about 5 s left` */
export function describe(one: Destination): string {
  const eta = one.etaSeconds === null || one.state !== 'pending' ? '' : `  about ${one.etaSeconds} s left`;
  return `${String(one.progress).padStart(3)} %  ${one.state}${eta}`;
}

/** The job after an event. */
export function afterEvent(job: CopyJob, { state, progress, destination }: JobEvent): CopyJob {
  const destinations = job.destinations.map((one) => {
    if (destination === null || one.account !== destination.account || one.region !== destination.region)
      return one;
    const { state: own, imageId, progress: percent, etaSeconds } = destination;
    return { ...one, state: own, imageId, progress: percent, etaSeconds };
  });
  return { ...job, state, progress, destinations };
}

/** The name of a destination in the output: with its account where the job goes into several. */
function nameIn(job: CopyJob, { account, region }: Destination): string {
  const accounts = new Set(job.destinations.map((one) => one.account));
  return (accounts.size > 1 ? `${account} ${region}` : region).padEnd(NAME_WIDTH);
}

/** Makes a function that shows the progress of a job at each call. */
export function progressView(screen: Screen): (job: CopyJob) => void {
  return screen.live ? liveBars(screen) : plainLines(screen);
}

function liveBars(screen: Screen): (job: CopyJob) => void {
  return (job) =>
    screen.redraw(
      job.destinations.map((one) => {
        const colour = one.state === 'failed' ? 'red' : one.state === 'succeeded' ? 'green' : 'cyan';
        return `  ${nameIn(job, one)} ${screen.style(colour, bar(one.progress))} ${describe(one)}`;
      }),
    );
}

function plainLines(screen: Screen): (job: CopyJob) => void {
  const said = new Map<string, string>();
  return (job) => {
    for (const one of job.destinations) {
      const mark = `${one.state} ${Math.floor(one.progress / STEP_PERCENT)}`;
      const name = nameIn(job, one);
      if (said.get(name) === mark) continue;
      said.set(name, mark);
      screen.line(`  ${name} ${describe(one)}`);
    }
  };
}
