import { createHash } from 'node:crypto';

/**
 * The ClientToken of one attempt at one destination: the same three always give the same token, so any
 * worker that calls CopyImage for them, however late, gets the one AMI. 64 ASCII characters, EC2's limit.
 */
export function clientToken(jobId: string, destination: string, attempt: number): string {
  return createHash('sha256').update(`${jobId}\n${destination}\n${attempt}`).digest('hex');
}
