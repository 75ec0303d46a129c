import { AwsError } from '../aws/aws-error.ts';
import { mapAtMost } from '../domain/at-most.ts';
import type { Image, ImageName, Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import { JOB_TAG } from '../domain/copy-tags.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';
import { listAccounts } from './list-accounts.ts';
import { requireImage } from './require-image.ts';

/** An image in a lineage. `jobId` is `null` if another tool made the image. */
export interface Relative {
  imageId: string;
  /** For an ancestor of which only the id is known: the account of its copy. */
  account: string;
  region: string;
  name: string | null;
  state: string | null;
  createdAt: string | null;
  jobId: string | null;
}

/** A scope that could not be queried, and why. */
interface Unanswered extends Scope {
  code: string;
  message: string;
}

export interface Lineage {
  imageId: string;
  account: string;
  region: string;
  /** The images it was copied from, nearest first. Of one that no longer exists or is not visible, only the id is known. */
  ancestors: Relative[];
  copies: Relative[];
  /** Regions of accounts that could not be queried, so that copies there are missing from the list. */
  unanswered: Unanswered[];
}

/** An account, and its regions in which images are looked for. */
interface Place {
  account: string;
  own: boolean;
  regions: readonly string[];
}

/** The longest chain of ancestors that is followed. */
const MAX_ANCESTORS = 10;

/** Calls of EC2 at a time for one lineage. */
const AT_A_TIME = 10;

/**
 * Finds the copies and the ancestors of an image by EC2's SourceImageId: in each account, the service's own and those of ACCOUNTS_FILE,
 * one DescribeImages for each region that the account has enabled. An account or region that can't be queried is listed in
 * `unanswered`. @throws {AmiferryError} those of require-image.ts
 */
export async function lineage(deps: CommandDeps, source: ImageName): Promise<Lineage> {
  const image = await requireImage(deps, source);
  const places = await placesOf(deps);
  const enabled = await mapAtMost(AT_A_TIME, places, (place) => enabledIn(deps, place));
  const scopes = enabled.flatMap((one) => one.scopes);
  const answers = await mapAtMost(AT_A_TIME, scopes, (scope) => copiesIn(deps, scope, source));
  const line = await ancestorsOf(deps, image, places);
  const unanswered = [...enabled, ...answers, line].flatMap((one) => one.unanswered);
  return {
    ...source,
    ancestors: line.ancestors,
    copies: answers.flatMap((answer) => answer.copies),
    unanswered: eachScopeOnce(unanswered),
  };
}

/**
 * How many calls of EC2 a lineage makes at most, without those for the ancestors: one for the image, and for each account one for
 * its enabled regions and one in each region. An own account that ACCOUNTS_FILE lists counts twice, since its id is not known here.
 */
export function callsOfLineage({ accounts, regions }: Pick<CommandDeps, 'accounts' | 'regions'>): number {
  const others = [...accounts.current().values()].map((one) => (one.regions ?? regions).length + 1);
  return others.reduce((sum, calls) => sum + calls, 1 + regions.length + 1);
}

/** In its own account the service may copy into all regions, also where ACCOUNTS_FILE lists fewer for it. */
async function placesOf(deps: CommandDeps): Promise<Place[]> {
  const accounts = await listAccounts(deps);
  return accounts.map(({ account, own, regions }) => ({
    account,
    own,
    regions: own ? deps.regions : regions,
  }));
}

/**
 * The regions of an account that it has enabled. This call also finds out whether the account can be reached: if its role can't be
 * assumed, none of its regions is queried. If the account's regions may not be read, all of them are queried.
 */
async function enabledIn(
  deps: CommandDeps,
  { account, regions }: Place,
): Promise<{ scopes: Scope[]; unanswered: Unanswered[] }> {
  const scopes = regions.map((region): Scope => ({ account, region }));
  try {
    const disabled = await deps.disabledRegions.read(account);
    return { scopes: scopes.filter(({ region }) => !disabled.includes(region)), unanswered: [] };
  } catch (error) {
    if (error instanceof AwsError && error.kind === 'credentials')
      return { scopes: [], unanswered: scopes.map((scope) => unansweredIn(scope, error)) };
    if (error instanceof AmiferryError) return { scopes, unanswered: [] };
    throw error;
  }
}

async function copiesIn(
  deps: CommandDeps,
  scope: Scope,
  { imageId, region }: ImageName,
): Promise<{ copies: Relative[]; unanswered: Unanswered[] }> {
  try {
    const images = await deps.gateway.findImages(scope, { source: { imageId, region } });
    return { copies: images.map((image) => relativeOf(image, image.account)), unanswered: [] };
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    // The account has no images in a region that it has not enabled.
    if (error.aws?.awsCode === 'OptInRequired') return { copies: [], unanswered: [] };
    return { copies: [], unanswered: [unansweredIn(scope, error)] };
  }
}

/** EC2 names the source of a copy without its account: it is looked up in the account of the copy, then in the service's own. */
async function ancestorsOf(deps: CommandDeps, image: Image, places: readonly Place[]) {
  const ancestors: Relative[] = [];
  const unanswered: Unanswered[] = [];
  let { account, source: next } = image;
  while (next !== null && ancestors.length < MAX_ANCESTORS) {
    const { imageId, region } = next;
    const candidates = places.filter((one) => one.regions.includes(region));
    const asked = candidates
      .filter((one) => one.account === account || one.own)
      .toSorted((a, b) => Number(b.account === account) - Number(a.account === account));
    const found = await firstThatSees(deps, asked, { imageId, region }, unanswered);
    // Where the owner is one of these accounts, it can say more about the image than an account that it is shared with.
    if (found !== null)
      account = candidates.some((one) => one.account === found.ownerId) ? found.ownerId : found.account;
    const unknown = { imageId, account, region, name: null, state: null, createdAt: null, jobId: null };
    ancestors.push(found === null ? unknown : relativeOf(found, account));
    next = found?.source ?? null;
  }
  return { ancestors, unanswered };
}

/** The image as the first of some accounts describes it. An account that can't be queried is added to `unanswered`. */
async function firstThatSees(
  deps: CommandDeps,
  accounts: readonly Pick<Place, 'account'>[],
  { imageId, region }: Omit<ImageName, 'account'>,
  unanswered: Unanswered[],
): Promise<Image | null> {
  for (const { account } of accounts) {
    const scope = { account, region };
    try {
      const found = await deps.gateway.describeImage(scope, imageId);
      if (found !== null) return found;
    } catch (error) {
      if (!(error instanceof AmiferryError)) throw error;
      unanswered.push(unansweredIn(scope, error));
    }
  }
  return null;
}

function unansweredIn({ account, region }: Scope, { code, message }: AmiferryError): Unanswered {
  return { account, region, code, message };
}

function eachScopeOnce(all: readonly Unanswered[]): Unanswered[] {
  return [...new Map(all.map((one) => [scopeKey(one), one])).values()];
}

function relativeOf({ imageId, region, name, state, createdAt, tags }: Image, account: string): Relative {
  return { imageId, account, region, name, state, createdAt, jobId: tags[JOB_TAG] ?? null };
}
