/**
 * The deliveries of a job: which endpoint is notified of what, and with what result. They are saved in the same write as the
 * event, so none is lost. The record says which ones are still to be sent.
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
  url: string;
  /** When the event happened. */
  at: number;
  state: 'pending' | 'delivered' | 'failed';
  /** When the next try is due; `null` when none is. */
  nextAt: number | null;
  /** When the time for its tries begins. */
  since: number;
  /** The latest tries, oldest first. */
  attempts: Attempt[];
  /** The data to report, as it was when the event happened. */
  data: object;
}
