import type { BlockPublicAccess, World } from './world.ts';

/** The current setting of an account and region: a change takes effect after a delay. */
export function blockPublicAccessOf(world: World, account: string, region: string): BlockPublicAccess {
  const { blockPublicAccess: change } = world.scope(account, region);
  if (change === undefined) return world.settings.blockPublicAccess;
  return world.clock.now() < change.from ? change.before : change.after;
}

/** Changes it, with the delay of the settings. */
export function setBlockPublicAccess(
  world: World,
  account: string,
  region: string,
  after: BlockPublicAccess,
): void {
  const before = blockPublicAccessOf(world, account, region);
  const from = world.clock.now() + world.settings.blockPublicAccessDelaySeconds * 1000;
  world.scope(account, region).blockPublicAccess = { before, after, from };
}
