import type { PermissionSet } from '../domain/permissions.ts';
import { partitionInArn, partitionOf } from '../domain/regions.ts';
import type { FieldError } from '../errors.ts';
import { AmiferryError } from '../errors.ts';

/**
 * Refuses destinations in another partition than the source: EC2 can't copy images across partitions.
 * @throws {AmiferryError} `other-partition`
 */
export function requireReachable(source: string, destinations: readonly { region: string }[]): void {
  refuse(
    destinations.flatMap(({ region }, i) => {
      if (partitionOf(region) === partitionOf(source)) return [];
      const message = `${region} is in the partition ${partitionOf(region)}, and ${source} in ${partitionOf(source)}: EC2 can't copy images across partitions: name regions of ${partitionOf(source)}`;
      return [{ pointer: `/destinations/${i}/region`, message }];
    }),
  );
}

/**
 * Refuses organizations and units of another partition than the image's: EC2 does not accept their ARNs.
 * @param pointer JSON pointer to them in the request
 * @throws {AmiferryError} `other-partition`
 */
export function requireOwnPartition(region: string, named: PermissionSet, pointer: string): void {
  const lists = ['organizations', 'organizationalUnits'] as const;
  refuse(
    lists.flatMap((list) =>
      named[list].flatMap((arn, i) => {
        if (partitionInArn(arn) === partitionOf(region)) return [];
        const message = `${arn} is not of the partition of ${region}: an image there is shared with ARNs that begin with "arn:${partitionOf(region)}:"`;
        return [{ pointer: `${pointer}/${list}/${i}`, message }];
      }),
    ),
  );
}

function refuse(errors: FieldError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more: see "errors")` : '';
  throw new AmiferryError('other-partition', `${first.message}${more}`, { errors });
}
