import { expect, test } from 'vitest';
import { judgeAudit } from '../../tools/dev/audit.ts';

const advisory = (severity: string, id = 'GHSA-aaaa-bbbb-cccc') => ({
  url: `https://github.com/advisories/${id}`,
  title: 'reads what it should not',
  severity,
});
const report = (...via: unknown[]) => ({ vulnerabilities: { parser: { severity: 'high', via } } });
const accepted = { 'GHSA-aaaa-bbbb-cccc': { reason: 'never reached', until: '2026-12-31' } };

test('nothing found, or nothing serious, is clean', () => {
  expect(judgeAudit({ vulnerabilities: {} }, {}, '2026-11-01').outcome).toBe('clean');
  expect(judgeAudit(report(advisory('moderate')), {}, '2026-11-01').outcome).toBe('clean');
});

test.each(['high', 'critical'])('a %s finding fails, and names the advisory', (severity) => {
  expect(judgeAudit(report(advisory(severity), 'through-another'), {}, '2026-11-01')).toEqual({
    outcome: 'found',
    lines: [`parser: reads what it should not (${severity}, GHSA-aaaa-bbbb-cccc)`],
  });
});

test('an accepted finding passes until its day is over, and no other does', () => {
  const found = report(advisory('high'));
  expect(judgeAudit(found, accepted, '2026-12-31').outcome).toBe('clean');
  expect(judgeAudit(found, accepted, '2027-01-01')).toMatchObject({
    outcome: 'found',
    lines: [expect.stringContaining('accepted until 2026-12-31')],
  });
  expect(judgeAudit(report(advisory('high', 'GHSA-other')), accepted, '2026-11-01').outcome).toBe('found');
});

test.each([
  [
    'an endpoint that refuses',
    { message: '405 Method Not Allowed - POST https://x.example/bulk', statusCode: 405 },
  ],
  ['no answer at all', null],
])('%s is told, and is no failure', (_name, answer) => {
  const { outcome, lines } = judgeAudit(answer, {}, '2026-11-01');
  expect(outcome).toBe('unknown');
  expect(lines).toEqual([expect.stringMatching(/^npm audit has no answer: /)]);
  expect(lines.join('')).not.toContain('https://');
});
