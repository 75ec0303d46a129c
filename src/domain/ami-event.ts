import type { Scope } from './ami.ts';
import { IMAGE_ID_PATTERN } from './ami.ts';
import { REGION_PATTERN } from './regions.ts';

/** The image that an EC2 event names. Its sender is not authenticated: an event only says what to poll, and nothing in it is believed. */
export interface AmiEvent {
  imageId: string;
  scope: Scope;
}

const IMAGE_ID = new RegExp(IMAGE_ID_PATTERN);
const REGION = new RegExp(REGION_PATTERN);
const ACCOUNT = /^[0-9]{12}$/;

/**
 * Reads an "EC2 AMI State Change" event, either as EventBridge sends it to a queue or as SNS wraps it. `null` for anything
 * else.
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

/** The region of the image. It is read from the image's ARN, since the event bus of another region may have forwarded the event. */
function regionOf({ resources, region }: Record<string, unknown>): string | null {
  const [arn]: unknown[] = Array.isArray(resources) ? resources : [];
  // String() would throw on {"toString":1} and on arrays that are nested too deep. One such message would block the rest of its
  // batch.
  const named = (typeof arn === 'string' ? IMAGE_ARN.exec(arn)?.[1] : undefined) ?? region;
  return typeof named === 'string' && REGION.test(named) ? named : null;
}

/** Parses a JSON object; an empty object where the text is not one. */
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
