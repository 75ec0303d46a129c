import { Type } from 'typebox';
import { Value } from 'typebox/value';

/** The parts of `npm audit --json` that are used. A name in `via` is the package through which the advisory applies. */
const Advisory = Type.Object({ url: Type.String(), title: Type.String(), severity: Type.String() });
const Report = Type.Object({
  vulnerabilities: Type.Record(
    Type.String(),
    Type.Object({ via: Type.Array(Type.Union([Type.String(), Advisory])) }),
  ),
});

/** An accepted finding: the reason, and the date (ISO) by which it must be reviewed. */
export interface Accepted {
  reason: string;
  until: string;
}

export interface AuditVerdict {
  /** `unknown`: the registry could not be reached. */
  outcome: 'clean' | 'found' | 'unknown';
  lines: string[];
}

const SERIOUS = new Set(['high', 'critical']);

/**
 * Judges a report: high and critical advisories fail, unless they are accepted and their date has not passed.
 * @param accepted by the advisory's id (GHSA-…)
 * @param today ISO date
 */
export function judgeAudit(
  report: unknown,
  accepted: Readonly<Record<string, Accepted>>,
  today: string,
): AuditVerdict {
  if (!Value.Check(Report, report))
    return { outcome: 'unknown', lines: [`npm audit has no answer: ${messageOf(report)}`] };
  const lines = new Set<string>();
  for (const [name, { via }] of Object.entries(report.vulnerabilities)) {
    for (const advisory of via) {
      if (typeof advisory === 'string' || !SERIOUS.has(advisory.severity)) continue;
      const id = advisory.url.split('/').at(-1) ?? '';
      const known = accepted[id];
      if (known !== undefined && known.until >= today) continue;
      const over = known === undefined ? '' : `, accepted until ${known.until}`;
      lines.add(`${name}: ${advisory.title} (${advisory.severity}, ${id}${over})`);
    }
  }
  return { outcome: lines.size === 0 ? 'clean' : 'found', lines: [...lines] };
}

function messageOf(report: unknown): string {
  const told = typeof report === 'object' && report !== null && 'message' in report;
  return told ? String(report.message).replace(/ - .*/, '') : 'it could not be reached';
}
