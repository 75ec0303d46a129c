/**
 * The deliveries of a job: who is notified of what, and how that went. They are written together with the event,
 * so none is lost; the record says what is still to be sent.
 */
export type WebhookEvent = 'job.finished' | 'destination.finished';

/** One try: the status of the answer, or why there was none. */
export interface Attempt {
  at: number;
  status: number | null;
  error: string | null;
}

export interface Delivery {
  /** Its number within the job, from 1. With the job it makes the webhook-id, which stays the same at every try. */
  n: number;
  event: WebhookEvent;
  url: string;
  /** When it happened. */
  at: number;
  state: 'pending' | 'delivered' | 'failed';
  /** When the next try is due; `null` when none is. */
  nextAt: number | null;
  /** From when on its time is counted. */
  since: number;
  /** The latest tries, oldest first. */
  attempts: Attempt[];
  /** What is reported, as it was when it happened. */
  data: object;
}
