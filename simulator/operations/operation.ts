import type { CopyFailure } from '../state/copies.ts';
import type { World } from '../state/world.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { XmlObject } from '../wire/xml.ts';

/** The effect of a fault on an accepted call. */
export interface Effects {
  /** The copy is accepted and fails later with this reason. */
  readonly copyFails?: CopyFailure | undefined;
  /** The time for which the new ids are NotFound, simulated milliseconds. */
  readonly consistencyDelayMs?: number | undefined;
  /** Every list in the answer is empty. */
  readonly empty?: boolean | undefined;
  /** Filters and owners of the request are ignored. */
  readonly ignoresFilters?: boolean | undefined;
  /** Every list in the answer is reversed. */
  readonly reverses?: boolean | undefined;
  /** Names of elements that are removed from the answer. */
  readonly omits?: readonly string[] | undefined;
}

/** One call, as passed to an operation. */
export interface Request {
  readonly world: World;
  readonly account: string;
  readonly region: string;
  readonly parameters: Parameters;
  readonly effects: Effects;
}

/** An EC2 action: reads the request, changes the world (all or nothing), and returns elements or throws an AwsError. */
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

/** The answer of most changing actions. */
export const done: XmlObject = { return: true };
