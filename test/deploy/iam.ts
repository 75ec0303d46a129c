import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

export interface Statement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, unknown>>;
}

/** Conditions that only hold for what EC2 does on the caller's behalf, and within CopyImage. */
const INDIRECT = ['kms:ViaService', 'kms:GrantIsForAWSResource', 'ec2:CreateAction'];

/** Policies by their file's name, and what each file holds. */
export function policyFiles(): Map<string, string> {
  const dir = join(PROJECT_DIR, 'deploy/iam');
  return new Map(readdirSync(dir).map((file) => [file, readFileSync(join(dir, file), 'utf8')]));
}

/** The actions that a policy allows, as they are written: to the caller itself, or by what it has EC2 do. */
export function allowedActions(text: string): { direct: string[]; indirect: string[] } {
  return actionsOf(statementsOf(text));
}

/** A policy's statements. */
export function statementsOf(text: string): Statement[] {
  return (JSON.parse(text) as { Statement: Statement[] }).Statement;
}

/** As {@link allowedActions}. */
export function actionsOf(statements: readonly Statement[]): { direct: string[]; indirect: string[] } {
  const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
  const isIndirect = ({ Condition = {} }: Statement) =>
    Object.values(Condition).some((keys) => INDIRECT.some((key) => key in keys));
  const [indirect, direct] = [allowed.filter(isIndirect), allowed.filter((one) => !isIndirect(one))];
  return {
    direct: direct.flatMap(({ Action }) => Action),
    indirect: indirect.flatMap(({ Action }) => Action),
  };
}

/** Every AWS operation in the source, as `ec2:CopyImage`: the commands and paginators of the SDK that are called. */
export function calledOperations(): string[] {
  const src = join(PROJECT_DIR, 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const found = files.flatMap((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    const [, service] = /from '@aws-sdk\/client-([a-z0-9-]+)'/.exec(text) ?? [];
    const calls = [...text.matchAll(/\.(?:(\w+)Command|paginate(\w+))\(/g)];
    // A batch is allowed by the action of a single one (Service Authorization Reference, SQS).
    const names = calls.map(([, one, all]) => (one ?? all ?? '').replace(/Batch$/, ''));
    return service === undefined ? [] : names.map((name) => `${service}:${name}`);
  });
  return [...new Set(found)].toSorted();
}
