import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';

/*
 * The harness lets real processes run in real time. It waits for what it expects to happen (`until`); here is all the
 * time that it lets pass because nothing tells when it is over.
 */

/** Lets things go on for a random time, milliseconds, so that what comes next meets them at any point. */
export function anyTime(random: Random, least: number, most: number): Promise<void> {
  return sleep(random.integer(least, most));
}

/** How long an outage lasts, milliseconds. */
export function outage(ms: number): Promise<void> {
  return sleep(ms);
}

/** What a worker that goes on may still do, milliseconds: an EC2 call and the steps after it. Nothing is to come of it. */
const AFTERMATH_MS = 1500;

/** A worker's lock lasts 3 s, and is looked after every 2 s: then another worker has the step, milliseconds. */
const PAST_THE_LOCK_MS = 4000;

/** Lets a paused worker's lock run out. */
export function pastTheLock(): Promise<void> {
  return sleep(PAST_THE_LOCK_MS);
}

/** Gives something time to happen that must not happen. */
export function aftermath(): Promise<void> {
  return sleep(AFTERMATH_MS);
}

/** From one try of a request to the next, as callers are told to wait, milliseconds. */
export function nextTry(ms: number): Promise<void> {
  return sleep(ms);
}

/** Waits until a time of `performance.now()`: for requests that are sent at a steady rate. */
export function untilTime(at: number): Promise<void> {
  return sleep(Math.max(0, at - performance.now()));
}
