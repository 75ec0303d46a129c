import { afterAll, beforeAll, describe } from 'vitest';
import { eventsAgainst } from './events.ts';
import type { Moto } from './moto-server.ts';
import { motoInstalled, startMoto } from './moto-server.ts';
import { permissionsAgainst } from './permissions.ts';

const installed = motoInstalled();
if (!installed) process.stderr.write('moto is not installed: all is tested against the simulator only\n');

describe.skipIf(!installed)('against moto', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
  });
  afterAll(() => moto.stop());

  describe('permissions', () => {
    permissionsAgainst(() => moto, null);
  });
  describe('permissions in another account, whose role is assumed', () => {
    permissionsAgainst(() => moto, '333333333333');
  });
  describe("EC2's own events", () => {
    eventsAgainst(() => moto);
  });
});
