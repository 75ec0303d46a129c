import type { Image } from '../../domain/ami.ts';
import { scopeKey, snapshotIdsOf } from '../../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';
import { Recent } from './recent.ts';

/** For how long an answer about an image is reused, milliseconds. */
const FRESH_MS = 5000;

/** Facts about a source that its own description does not have. They are cached like {@link RecentImages}. */
export class SourceFacts {
  readonly #gateway: Pick<Ec2Gateway, 'snapshotOwners'>;
  readonly #owners = new Recent<ReadonlyMap<string, string | null>>(FRESH_MS);

  constructor(gateway: Pick<Ec2Gateway, 'snapshotOwners'>) {
    this.#gateway = gateway;
  }

  /** The owners of an image's snapshots; `null` for a snapshot that this account may not see. @throws {AwsError} the error of the call */
  async snapshotOwners(image: Image): Promise<ReadonlyMap<string, string | null>> {
    return this.#owners.get(`${scopeKey(image)}/${image.imageId}`, () =>
      this.#gateway.snapshotOwners(image, snapshotIdsOf([image])),
    );
  }
}
