import type { Cluster, Redis } from 'ioredis';

/** A connection to Redis: one server, the master that Sentinels name, or a cluster. */
export type RedisClient = Redis | Cluster;
