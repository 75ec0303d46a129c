import type { CopyFailure } from '../state/copies.ts';
import type { World } from '../state/world.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { XmlObject } from '../wire/xml.ts';

/** What a fault does to a call that EC2 accepts. */
export interface Effects {
  /** The copy is accepted and fails later, for that reason. */
  readonly copyFails?: CopyFailure | undefined;
  /** The new ids answer NotFound for so many simulated milliseconds. */
  readonly consistencyDelayMs?: number | undefined;
  /** Every list in the answer is empty. */
  readonly empty?: boolean | undefined;
  /** Filters and owners in the request count for nothing. */
  readonly ignoresFilters?: boolean | undefined;
  /** Every list in the answer comes in the opposite order. */
  readonly reverses?: boolean | undefined;
  /** Elements that are left out of the answer, wherever they are. */
  readonly omits?: readonly string[] | undefined;
}

/** One call, as an operation sees it. */
export interface Request {
  readonly world: World;
  readonly account: string;
  readonly region: string;
  readonly parameters: Parameters;
  readonly effects: Effects;
}

/** An EC2 action: reads the request, changes the world (all or nothing), and answers elements or throws an AwsError. */
export interface Operation {
  readonly mutates: boolean;
  readonly run: (request: Request) => XmlObject;
}

export function reads(run: Operation['run']): Operation {
  return { mutates: false, run };
}

export function mutates(run: Operation['run']): Operation {
  return { mutates: true, run };
}

/** What most mutating actions answer. */
export const done: XmlObject = { return: true };
