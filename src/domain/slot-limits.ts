/**
 * What EC2 has no room for at the moment: concurrent copies into a region (300 of images, 20 of snapshots), or throughput of
 * time-based copies (2,000 MiB/s). CopyImage may say so at once (ResourceLimitExceeded), or accept the copy and let it fail
 * with such a reason (EBS user guide, "Copy an Amazon EBS snapshot": "Too many snapshot copies in progress. The limit is 20
 * …").
 */
export interface SlotLimit {
  of: 'copies' | 'throughput';
  /** The limit of concurrent copies that EC2's message states; `null` where it states none. */
  copies: number | null;
}

const OF_THROUGHPUT = /throughput|mib\/s|time[- ]based|completion duration/i;
const OF_COPIES = /\b(?:copy|copies|copied|copying)\b/i;
const AT_ONCE = /in[- ]progress|concurrent|simultaneous|at (?:once|a time|the same time)|under way|pending/i;
const LIMITED = /too many|limit|maximum|quota|exceed/i;
/** Codes that occur in such reasons. */
const CODES = /ResourceLimitExceeded|Concurrent(?:Snapshot|Copy|Copies)\w*Limit\w*/i;

/** What EC2 had no room for, from the reason of a failed copy; `null` where the copy failed for another reason. */
export function slotLimitIn(reason: string): SlotLimit | null {
  if (LIMITED.test(reason) && OF_THROUGHPUT.test(reason)) return { of: 'throughput', copies: null };
  const isOfCopies = LIMITED.test(reason) && OF_COPIES.test(reason) && AT_ONCE.test(reason);
  if (!isOfCopies && !CODES.test(reason)) return null;
  const [, told] = /\b(?:limit|maximum|quota)\b(?: number)?(?: is| of|:)? (\d{1,5})\b/i.exec(reason) ?? [];
  return { of: 'copies', copies: told === undefined ? null : Number(told) };
}
