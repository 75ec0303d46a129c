/**
 * The deliveries of a job: which endpoint is notified of what, and with what result. They are written together with the event, so
 * none is lost, and are changed without the job's record.
 */
export type WebhookEvent = 'job.finished' | 'destination.finished';

/** One try: the status of the answer, or why there was no answer. */
export interface Attempt {
  at: number;
  status: number | null;
  error: string | null;
}

export interface Delivery {
  /** Its number within the job, from 1. With the job it makes the webhook-id, which stays the same at every try. */
  n: number;
  event: WebhookEvent;
  /** The destination whose end is reported (`account/region`); `null` for the end of the job. */
  destination: string | null;
  url: string;
  state: 'pending' | 'delivered' | 'failed';
  /** When the next try is due; `null` when none is. */
  nextAt: number | null;
  /** When the time for its tries begins. */
  since: number;
  /** The latest tries, oldest first. */
  attempts: Attempt[];
}

/** A delivery with the body of its message (JSON), which is the same at every try. */
export interface Message {
  delivery: Delivery;
  body: string;
}
