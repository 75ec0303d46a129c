import type { Service } from './service.ts';

/** Takes all steps out of the queues, as if the process that wrote their records had died before it enqueued them. How many there were. */
export async function loseWakeUps({ producer }: Pick<Service, 'producer'>): Promise<number> {
  const queues = await producer.queues();
  const counts = await Promise.all(queues.map((queue) => queue.getJobCountByTypes('waiting', 'delayed')));
  await Promise.all(queues.map((queue) => queue.drain(true)));
  return counts.reduce((sum, count) => sum + count, 0);
}
