import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@cdktn/hcl2json';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

export type Body = Record<string, unknown>;
export type Blocks = Record<string, Record<string, Body[]>>;

/** A module as Terraform's own parser reads it; expressions stay as `${…}`. */
export interface Terraform {
  variable: Record<string, Body[]>;
  output: Record<string, Body[]>;
  locals: Body[];
  resource: Blocks;
  data: Blocks;
}

/** All of a module's files as one. @param dir from the project's directory */
export function moduleText(dir: string): string {
  const files = readdirSync(join(PROJECT_DIR, dir)).filter((file) => file.endsWith('.tf'));
  return files.map((file) => readFileSync(join(PROJECT_DIR, dir, file), 'utf8')).join('\n');
}

export async function parseModule(dir: string): Promise<Terraform> {
  return (await parse('all.tf', moduleText(dir))) as unknown as Terraform;
}

/** What a module refers to and does not have, and its variables that nothing refers to. */
export function unknownReferences(module: Terraform): { unknown: string[]; unused: string[] } {
  const named = (blocks: Blocks = {}, prefix = '') =>
    Object.entries(blocks).flatMap(([type, byName]) =>
      Object.keys(byName).map((one) => `${prefix}${type}.${one}`),
    );
  const variables = Object.keys(module.variable).map((one) => `var.${one}`);
  const known = new Set([
    ...named(module.resource),
    ...named(module.data, 'data.'),
    ...variables,
    ...module.locals.flatMap((one) => Object.keys(one)).map((one) => `local.${one}`),
  ]);
  const find = (value: unknown) =>
    JSON.stringify(value).match(/\b(?:var|local|data\.\w+|(?<!data\.)aws_\w+)\.\w+/g) ?? [];
  const asked = new Set<string>(find({ ...module, variable: {} }));
  return {
    unknown: [...asked, ...find(module.variable)].filter((one) => !known.has(one)),
    unused: variables.filter((one) => !asked.has(one)),
  };
}
