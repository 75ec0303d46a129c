import type { Image } from '../../domain/ami.ts';
import { scopeKey, snapshotIdsOf } from '../../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';
import { Recent } from './recent.ts';

/** For so long an answer about an image counts, milliseconds. */
const FRESH_MS = 5000;

/** What is to be known of a source beyond its own description, asked for as rarely as {@link RecentImages}. */
export class SourceFacts {
  readonly #gateway: Pick<Ec2Gateway, 'snapshotOwners'>;
  readonly #owners = new Recent<ReadonlyMap<string, string | null>>(FRESH_MS);

  constructor(gateway: Pick<Ec2Gateway, 'snapshotOwners'>) {
    this.#gateway = gateway;
  }

  /** Who owns the snapshots of an image; `null` for one that this account may not see. @throws {AwsError} what the call met */
  async snapshotOwners(image: Image): Promise<ReadonlyMap<string, string | null>> {
    return this.#owners.get(`${scopeKey(image)}/${image.imageId}`, () =>
      this.#gateway.snapshotOwners(image, snapshotIdsOf([image])),
    );
  }
}
