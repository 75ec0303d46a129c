import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

/** The room of a file: a folder directly below `root`, whatever is below that; a file directly in `root` is a room of its own. */
function roomOf(root: string, file: string): string {
  return file.slice(root.length + 1).split('/')[0] ?? file;
}

/** For each room of `root` the others that its files import. */
function imports(root: string): Map<string, Set<string>> {
  const rooms = new Map<string, Set<string>>();
  for (const file of globSync(`${root}/**/*.ts`, { cwd: PROJECT_DIR })) {
    const from = roomOf(root, file);
    const known = rooms.get(from) ?? new Set();
    rooms.set(from, known);
    const code = readFileSync(join(PROJECT_DIR, file), 'utf8');
    for (const [, named = ''] of code.matchAll(/(?:from |import\()'(\.[^']+)'/g)) {
      const target = normalize(join(dirname(file), named));
      if (target.startsWith(`${root}/`) && roomOf(root, target) !== from) known.add(roomOf(root, target));
    }
  }
  return rooms;
}

/** Takes away all rooms that import nothing that is left: what stays is in a circle, or imports one. */
function circles(rooms: Map<string, Set<string>>): string[] {
  const left = new Map([...rooms].map(([room, others]) => [room, new Set(others)]));
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const [room, others] of left) {
      if ([...others].some((one) => left.has(one))) continue;
      left.delete(room);
    }
  }
  return [...left.keys()].toSorted();
}

test.each(['src', 'simulator', 'tools'])('no folders of %s import each other in a circle', (root) => {
  const rooms = imports(root);
  expect(rooms.size).toBeGreaterThan(2);
  expect(circles(rooms)).toEqual([]);
});

test('a circle is found', () => {
  const rooms = { a: ['b'], b: ['c'], c: ['b'], d: [] };
  const found = circles(new Map(Object.entries(rooms).map(([room, others]) => [room, new Set(others)])));
  expect(found).toEqual(['a', 'b', 'c']);
});
