import { FaultSchema } from '../faults.ts';
import { regions } from '../regions.ts';
import type { Simulation } from '../simulation.ts';
import { addKey } from '../state/keys.ts';
import { addImage, NewImageSchema, NewImagesSchema } from '../state/new-image.ts';
import { ControlError, parse } from './parse.ts';
import {
  ClockSchema,
  ImageChangeSchema,
  NewKeySchema,
  PartialSettingsSchema,
  UnitSchema,
} from './schemas.ts';

export interface ControlAnswer {
  readonly status: number;
  readonly json: unknown;
}

type Handler = (simulation: Simulation, body: string, id: string) => unknown;

const done = { ok: true };

/** The routes, by method and path below `/_simulator/`. After a path that ends in `/` an id follows. */
const routes: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['GET health', () => done],
  ['GET calls', ({ ledger }) => ledger.view()],
  ['GET settings', ({ world }) => world.settings],
  ['POST settings', (simulation, body) => simulation.configure(parse(PartialSettingsSchema, body))],
  ['GET faults', ({ faults }) => faults.view()],
  ['POST faults', addFault],
  ['DELETE faults', clearFaults],
  ['POST reset', reset],
  ['POST clock', advanceClock],
  ['POST images', addImages],
  ['POST images/', changeImage],
  ['POST keys', addOneKey],
  ['POST organizational-units/', setUnit],
]);

/** Answers a request at `/_simulator/…`: 404 for an unknown route, 400 for an invalid body. */
export function handleControl(
  simulation: Simulation,
  method: string,
  url: string,
  body: string,
): ControlAnswer {
  const [name = '', id] = new URL(url, 'http://simulator').pathname.slice('/_simulator/'.length).split('/');
  const route = `${method} ${name}${id === undefined ? '' : '/'}`;
  try {
    const handler = routes.get(route);
    if (handler === undefined)
      throw new ControlError(404, `No such route: there are ${[...routes.keys()].join(', ')}`);
    return { status: 200, json: handler(simulation, body, id ?? '') };
  } catch (error) {
    if (error instanceof ControlError) return { status: error.status, json: { error: error.message } };
    throw error;
  }
}

function addFault({ faults }: Simulation, body: string): unknown {
  faults.add(parse(FaultSchema, body));
  return done;
}

function clearFaults({ faults }: Simulation): unknown {
  faults.clear();
  return done;
}

function reset(simulation: Simulation): unknown {
  simulation.reset();
  return done;
}

function advanceClock({ world }: Simulation, body: string): unknown {
  world.clock.advance(parse(ClockSchema, body).advanceSeconds);
  return { now: new Date(world.clock.now()).toISOString() };
}

function requireRegion(region: string): void {
  if (!regions.has(region)) throw new ControlError(400, `/region '${region}' does not exist`);
}

/** One image, or an array of them. */
function addImages({ world }: Simulation, body: string): unknown {
  const isOne = !body.trimStart().startsWith('[');
  const specs = isOne ? [parse(NewImageSchema, body)] : parse(NewImagesSchema, body);
  for (const { region } of specs) requireRegion(region);
  const added = specs.map((spec) => {
    const { imageId, devices } = addImage(world, spec);
    return { imageId, snapshotIds: devices.map(({ snapshotId }) => snapshotId) };
  });
  return isOne ? added[0] : added;
}

function changeImage({ world }: Simulation, body: string, imageId: string): unknown {
  const { state, stateReason } = parse(ImageChangeSchema, body);
  for (const { images } of world.allRegions()) {
    const image = images.get(imageId);
    if (image === undefined) continue;
    world.stateChanges.settle(image, state, stateReason);
    return { imageId, state };
  }
  throw new ControlError(404, `No image ${imageId} in any region`);
}

function setUnit({ world }: Simulation, body: string, id: string): unknown {
  const { accounts, suspended = [], units = [] } = parse(UnitSchema, body);
  const active = accounts.map((account) => ({ account, state: 'ACTIVE' as const }));
  const others = suspended.map((account) => ({ account, state: 'SUSPENDED' as const }));
  world.organizationalUnits.set(id, { accounts: [...active, ...others], units });
  return done;
}

function addOneKey({ world }: Simulation, body: string): unknown {
  const spec = parse(NewKeySchema, body);
  requireRegion(spec.region);
  const { keyId, arn } = addKey(world.keyring(spec.account, spec.region), spec, world.clock.now());
  return { keyId, arn };
}
