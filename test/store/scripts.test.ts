import { globSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineScripts, WITHDRAWALS } from '../../src/store/scripts.ts';
import { testRedisUrl } from '../helpers/redis.ts';

const DIRECTORY = new URL('../../src/store/lua/', import.meta.url);
const textOf = (file: string) => readFileSync(new URL(file, DIRECTORY), 'utf8');
const FILES = globSync('*.lua', { cwd: DIRECTORY });

let redis: Redis;
beforeAll(() => {
  redis = new Redis(testRedisUrl());
});
afterAll(() => redis.disconnect());

test('every script is compiled by Redis, and every file is one or is included in one', async () => {
  const scripts: string[] = [];
  redis.defineCommand = (_, { lua }) => void scripts.push(lua);
  defineScripts(redis);
  for (const lua of scripts) expect(await redis.script('LOAD', lua)).toMatch(/^[0-9a-f]{40}$/);
  expect(FILES.length).toBeGreaterThanOrEqual(scripts.length);
  const unused = FILES.filter(
    (file) => !scripts.some((lua) => lua.includes(textOf(file).split('\n')[0] ?? '')),
  );
  expect(unused).toEqual([]);
});

test('every file says first what it is for', () => {
  for (const file of FILES) expect(textOf(file), file).toMatch(/^-- [A-Z]/);
});

test('withdrawals have their place where the store looks for it', () => {
  expect(textOf('commit.lua')).toContain(`local WITHDRAWALS = ${WITHDRAWALS}\n`);
});
