import type { Ec2 } from '../ec2.ts';
import type { Kind } from '../checker.ts';
import type { SimulatorControl } from '../../helpers/simulator-control.ts';
import type { Ec2Sighting, Sighting } from '../wire/sightings.ts';
import type { Traffic } from '../wire/traffic.ts';
import type { Claims, Grantee, ImageName } from './claims.ts';

export interface AccessWatch {
  traffic: Traffic;
  claims: Claims;
  ec2: Ec2;
  control: SimulatorControl;
  found(kind: Kind, what: string): void;
}

/**
 * Judges every call of a worker that gives, takes or removes anything, just before EC2 gets it.
 * @returns the images that were touched since it was last asked
 */
export function watchAccess(watch: AccessWatch): () => ImageName[] {
  const reads = new Reads();
  const touched = new Map<string, ImageName>();
  watch.traffic.watch((sighting) => {
    reads.note(sighting, watch.claims.now);
    if (sighting.link === 'redis' && sighting.phase === 'reply')
      for (const commit of sighting.commits) watch.claims.note(commit);
    if (sighting.link !== 'ec2' || sighting.phase !== 'request') return undefined;
    if (!sighting.process.startsWith('worker') || !JUDGED.has(sighting.action)) return undefined;
    return judge(watch, reads, sighting).then((image) => {
      if (image !== null) touched.set(`${image.region} ${image.imageId}`, image);
    });
  });
  return () => {
    const images = [...touched.values()];
    touched.clear();
    return images;
  };
}

/**
 * When each process last asked for the record of a job, by the order of acceptance. What it asked before it wrote the record
 * itself does not count: between a write and the call that it announces the process has to ask again.
 */
class Reads {
  readonly #at = new Map<string, number>();

  note(sighting: Sighting, now: number): void {
    if (sighting.link !== 'redis' || sighting.phase !== 'request') return;
    for (const { jobId } of sighting.commits) this.#at.delete(`${sighting.process} ${jobId}`);
    if (sighting.command !== 'hmget') return;
    const jobId = /:job:([0-9a-f-]+)$/.exec(sighting.args[0] ?? '')?.[1];
    if (jobId !== undefined) this.#at.set(`${sighting.process} ${jobId}`, now);
  }

  last(process: string, jobIds: readonly string[]): number {
    return Math.max(0, ...jobIds.map((id) => this.#at.get(`${process} ${id}`) ?? 0));
  }
}

const REMOVALS = new Set(['DeregisterImage', 'DeleteSnapshot']);
const JUDGED = new Set([...REMOVALS, 'ModifyImageAttribute', 'ModifySnapshotAttribute', 'CreateGrant']);

async function judge(watch: AccessWatch, reads: Reads, call: Ec2Sighting): Promise<ImageName | null> {
  // By what was accepted when the call was made, not by what is accepted while it is looked into.
  const since = watch.claims.now;
  const image = await imageOf(watch, call);
  if (image === null) return null;
  if (REMOVALS.has(call.action)) await judgeRemoval(watch, call, image);
  for (const grantee of granteesIn(call, 'Add')) judgeGiving(watch, reads, call, { image, grantee, since });
  for (const grantee of granteesIn(call, 'Remove'))
    if (!watch.claims.mayLose(image, grantee))
      watch.found('wrong', `${call.action} takes ${image.imageId} from ${grantee}, whom nobody named`);
  return image;
}

/**
 * A call may come just behind the acceptance of what withdraws it, if its worker had asked for the record before that; then
 * it is to be undone, which the end of the round shows.
 */
function judgeGiving(
  { claims, found }: AccessWatch,
  reads: Reads,
  { action, process }: Ec2Sighting,
  { image, grantee, since }: { image: ImageName; grantee: Grantee; since: number },
): void {
  if (claims.allows(image, grantee, since)) return;
  const read = reads.last(process, claims.giversOf(image, grantee));
  if (claims.allows(image, grantee, Math.min(read, since))) return;
  found(
    'exposed',
    `${action} of ${process} gives ${image.imageId} to ${grantee}, whom no request (still) names`,
  );
}

async function judgeRemoval(
  { traffic, control, found }: AccessWatch,
  { action, form }: Ec2Sighting,
  { imageId, region }: ImageName,
): Promise<void> {
  const what = `${action} of ${form.get('SnapshotId') ?? imageId} in ${region}`;
  const { copyImage } = await control.calls();
  if (!copyImage.some((one) => one.imageId === imageId))
    found('wrong', `${what}, which this service did not make (${imageId})`);
  const holder = traffic.holderOf(imageId);
  if (holder !== undefined) found('lost', `${what}, which is the good copy of job ${holder}`);
}

/** The image that a call is about. */
async function imageOf({ ec2 }: AccessWatch, call: Ec2Sighting): Promise<ImageName | null> {
  const { form, region, action, body } = call;
  const direct = action === 'CreateGrant' ? /ami-[0-9a-f]+/.exec(body)?.[0] : form.get('ImageId');
  if (direct != null) return { region, imageId: direct };
  const imageId = await ec2.imageOfSnapshot(region, form.get('SnapshotId') ?? '');
  return imageId === null ? null : { region, imageId };
}

const ENTRY = /\.(Add|Remove)\.\d+\.(?:UserId|Group|OrganizationArn|OrganizationalUnitArn)$/;

function granteesIn({ form, action, body }: Ec2Sighting, which: 'Add' | 'Remove'): Grantee[] {
  if (action === 'CreateGrant') return which === 'Add' ? (/\d{12}(?=:root)/.exec(body) ?? []) : [];
  return [...form].flatMap(([name, value]) => (ENTRY.exec(name)?.[1] === which ? [value] : []));
}
