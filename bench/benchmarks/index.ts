import type { Benchmark } from '../benchmark.ts';
import { accepting } from './accepting.ts';
import { calls } from './calls.ts';
import { fanOut } from './fan-out.ts';
import { lifetime } from './lifetime.ts';
import { memory } from './memory.ts';
import { noticing } from './noticing.ts';
import { scaling } from './scaling.ts';
import { scopes } from './scopes.ts';
import { starting } from './starting.ts';
import { throttled } from './throttled.ts';

/** All benchmarks, in the order in which they run and are told of. A new one is a file beside this one and a line here. */
export const BENCHMARKS: readonly Benchmark[] = [
  accepting,
  calls,
  noticing,
  memory,
  scopes,
  lifetime,
  starting,
  fanOut,
  throttled,
  scaling,
];
