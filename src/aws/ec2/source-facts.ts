import type { Image } from '../../domain/ami.ts';
import { scopeKey, SELF, snapshotIdsOf } from '../../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';
import { Recent } from './recent.ts';

/** For so long an answer about an image counts, milliseconds. */
const FRESH_MS = 5000;

/** What is to be known of a source beyond its own description, asked for as rarely as {@link RecentImages}. */
export class SourceFacts {
  readonly #gateway: Pick<Ec2Gateway, 'findImages' | 'snapshotOwners'>;
  readonly #own = new Recent<boolean>(FRESH_MS);
  readonly #owners = new Recent<ReadonlyMap<string, string | null>>(FRESH_MS);
  /** The service's own account, once one of its images was seen: EC2 tells it in no other way. */
  #account: string | null = null;

  constructor(gateway: Pick<Ec2Gateway, 'findImages' | 'snapshotOwners'>) {
    this.#gateway = gateway;
  }

  /**
   * The service's own account, as far as an image tells: its owner, where it is the account's own. `null` where nothing told it yet.
   * @throws {AwsError} what the call met
   */
  async ownAccount(image: Image): Promise<string | null> {
    await this.isOwn(image);
    return this.#account;
  }

  /**
   * Whether an image is the service's own account's: asked of EC2 (owner "self") until the account's id is known by that.
   * @throws {AwsError} what the call met
   */
  async isOwn({ imageId, region, ownerId }: Image): Promise<boolean> {
    if (this.#account !== null) return this.#account === ownerId;
    const scope = { account: SELF, region };
    return this.#own.get(`${scopeKey(scope)}/${imageId}`, async () => {
      const found = await this.#gateway.findImages(scope, { imageIds: [imageId] });
      // An endpoint that ignores the filter may ignore the owner too: then nothing is refused for it, and nothing learned.
      if (found.some((one) => one.imageId !== imageId)) return true;
      if (found.length > 0) this.#account = ownerId;
      return found.length > 0;
    });
  }

  /** Who owns the snapshots of an image; `null` for one that this account may not see. @throws {AwsError} what the call met */
  async snapshotOwners(image: Image): Promise<ReadonlyMap<string, string | null>> {
    const scope = { account: SELF, region: image.region };
    return this.#owners.get(`${scopeKey(scope)}/${image.imageId}`, () =>
      this.#gateway.snapshotOwners(scope, snapshotIdsOf([image])),
    );
  }
}
