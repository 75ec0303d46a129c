import type { Scope } from './ami.ts';
import { IMAGE_ID_PATTERN } from './ami.ts';
import { REGION_PATTERN } from './regions.ts';

/** What one of EC2's events is about. Its sender is not authenticated: it says where to look, and nothing that is believed. */
export interface AmiEvent {
  imageId: string;
  scope: Scope;
}

const IMAGE_ID = new RegExp(IMAGE_ID_PATTERN);
const REGION = new RegExp(REGION_PATTERN);
const ACCOUNT = /^[0-9]{12}$/;

/**
 * Reads "EC2 AMI State Change" as EventBridge puts it into a queue, or as SNS wraps it; `null` for whatever else.
 * Source: EC2 user guide, "Monitor AMI events using Amazon EventBridge".
 */
export function readAmiEvent(body: string): AmiEvent | null {
  const outer = objectIn(body);
  const event = outer['Type'] === 'Notification' ? objectIn(outer['Message']) : outer;
  const { source, 'detail-type': type, detail } = event;
  if (source !== 'aws.ec2' || type !== 'EC2 AMI State Change') return null;
  const imageId = isObject(detail) ? detail['ImageId'] : undefined;
  if (typeof imageId !== 'string' || !IMAGE_ID.test(imageId)) return null;
  const region = regionOf(event);
  const { account } = event;
  if (region === null || typeof account !== 'string' || !ACCOUNT.test(account)) return null;
  return { imageId, scope: { account, region } };
}

const IMAGE_ARN = /^arn:[a-z-]+:ec2:([a-z0-9-]+):[0-9]*:image\//;

/** Where the image is: by its ARN, since an event may have come by way of another region's event bus. */
function regionOf({ resources, region }: Record<string, unknown>): string | null {
  const [arn]: unknown[] = Array.isArray(resources) ? resources : [];
  // String() would throw at {"toString":1}, and at arrays nested too deep: one such message would hold up all that came with it.
  const named = (typeof arn === 'string' ? IMAGE_ARN.exec(arn)?.[1] : undefined) ?? region;
  return typeof named === 'string' && REGION.test(named) ? named : null;
}

/** The object that a text is in JSON; an empty one where it is none. */
function objectIn(text: unknown): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(String(text));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
