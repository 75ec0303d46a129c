import { createClock } from './clock.ts';
import { Faults } from './faults.ts';
import { Ledger } from './ledger.ts';
import { seed } from './seeds.ts';
import type { Settings } from './settings.ts';
import { World } from './state/world.ts';

/** The whole state of a running simulator, except its socket. */
export class Simulation {
  readonly #initial: Readonly<Settings>;
  readonly faults = new Faults();
  world: World;
  ledger = new Ledger();

  constructor(initial: Readonly<Settings>) {
    this.#initial = initial;
    this.world = this.#newWorld();
  }

  #newWorld(): World {
    const world = new World(createClock(this.#initial.speed), { ...this.#initial });
    seed(world);
    return world;
  }

  /** Resets everything: seeds, settings and clock as at the start, no faults, an empty ledger. */
  reset(): void {
    this.faults.clear();
    this.ledger = new Ledger();
    this.world = this.#newWorld();
  }

  configure(settings: Partial<Settings>): Readonly<Settings> {
    Object.assign(this.world.settings, settings);
    if (settings.speed !== undefined) this.world.clock.setSpeed(settings.speed);
    return this.world.settings;
  }
}
