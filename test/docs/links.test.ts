import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(path: string): Set<string> {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .trim()
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('every link between the documents leads to a page, and to a heading that is there', () => {
  const broken: string[] = [];
  const pages = globSync(['*.md', 'docs/*.md', 'test/*/README.md'], { cwd: PROJECT_DIR });
  expect(pages.length).toBeGreaterThan(10);
  for (const page of pages) {
    const path = join(PROJECT_DIR, page);
    for (const [, link = ''] of readFileSync(path, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (URL.canParse(link)) continue;
      const [file = '', anchor = ''] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      const leads = existsSync(target) && (anchor === '' || anchorsOf(target).has(anchor));
      if (!leads) broken.push(`${page}: ${link}`);
    }
  }
  expect(broken).toEqual([]);
});
