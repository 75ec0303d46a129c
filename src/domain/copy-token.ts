import { createHash } from 'node:crypto';

/**
 * The ClientToken of one attempt at one destination. Job, destination and attempt always give the same token, so every worker
 * that calls CopyImage for them, however late, gets the same AMI. 64 ASCII characters, EC2's limit.
 */
export function clientToken(jobId: string, destination: string, attempt: number): string {
  return createHash('sha256').update(`${jobId}\n${destination}\n${attempt}`).digest('hex');
}
