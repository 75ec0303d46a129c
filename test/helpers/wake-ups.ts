import type { Service } from './service.ts';

/** Removes all steps from the queues, as if the process had died between writing and enqueuing. @returns their number */
export async function loseWakeUps({ producer }: Pick<Service, 'producer'>): Promise<number> {
  const queues = await producer.queues();
  const counts = await Promise.all(queues.map((queue) => queue.getJobCountByTypes('waiting', 'delayed')));
  await Promise.all(queues.map((queue) => queue.drain(true)));
  return counts.reduce((sum, count) => sum + count, 0);
}
