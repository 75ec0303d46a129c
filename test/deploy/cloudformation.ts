import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

interface Resource {
  Type: string;
  Condition?: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever CloudFormation has
  Properties: any;
}

export interface Template {
  Parameters: Record<string, { Type: string; Default?: string; [property: string]: unknown }>;
  Conditions: Record<string, unknown>;
  Resources: Record<string, Resource>;
  Outputs?: Record<string, { Condition?: string; Value: unknown }>;
}

/** CloudFormation's short forms as its long ones: `!Ref x` is `{ Ref: 'x' }`. */
const tag = (name: string, as: string) => [
  { tag: name, resolve: (value: string) => ({ [as]: value }) },
  {
    tag: name,
    collection: 'seq' as const,
    resolve: (value: { toJSON(): unknown }) => ({ [as]: value.toJSON() }),
  },
];
const FUNCTIONS = ['Equals', 'GetAtt', 'If', 'Join', 'Not', 'Select', 'Split', 'Sub'];
const SHORT_FORMS = FUNCTIONS.flatMap((name) => tag(`!${name}`, `Fn::${name}`));

/** @param path from the project's directory */
export function readTemplate(path: string): Template {
  const text = readFileSync(join(PROJECT_DIR, path), 'utf8');
  return parse(text, { customTags: [...SHORT_FORMS, ...tag('!Ref', 'Ref')] }) as Template;
}

/** The parameters and resources that a value refers to, and the conditions, as `condition X`. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [String(inner)];
    if (key === 'Fn::GetAtt') return [String(inner).split('.')[0] ?? ''];
    if (key === 'Fn::Sub') return [...String(inner).matchAll(/\$\{([^}]+)\}/g)].map(([, name = '']) => name);
    if (key === 'Fn::If') return [`condition ${String(inner[0])}`, ...references(inner)];
    return references(inner);
  });
}

/** What a template refers to and does not have, and what it has and never refers to. */
export function unknownNames({ Parameters, Conditions, Resources, Outputs = {} }: Template): {
  asked: number;
  unknown: string[];
  unused: string[];
} {
  const parts = [...Object.values(Resources), ...Object.values(Outputs)];
  const guards = parts.flatMap(({ Condition }) => (Condition === undefined ? [] : `condition ${Condition}`));
  const asked = [...references([Conditions, Resources, Outputs]), ...guards];
  const conditions = Object.keys(Conditions).map((name) => `condition ${name}`);
  const needed = [...Object.keys(Parameters), ...conditions];
  const known = new Set([...needed, ...Object.keys(Resources)]);
  return {
    asked: asked.length,
    unknown: asked.filter((one) => !one.startsWith('AWS::') && !known.has(one)),
    unused: needed.filter((one) => !asked.includes(one)),
  };
}

/** Where a stack is made. */
export interface Place {
  account: string;
  region: string;
}

/**
 * The resources that a stack of a template has, with all functions evaluated. An attribute of a resource is `<Name.Attribute>`.
 * @throws an error for a parameter without a value, and for a function that is not among those above
 */
export function resourcesOf(
  template: Template,
  place: Place,
  given: Record<string, string>,
): Template['Resources'] {
  return new Stack(template, place, given).resources();
}

class Stack {
  readonly #template: Template;
  readonly #given: Record<string, string>;
  readonly #pseudo: Record<string, unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- the arguments of CloudFormation's functions
  readonly #functions: Record<string, (inner: any) => unknown> = {
    Ref: (name) => this.#named(name),
    'Fn::GetAtt': (name) => `<${name}>`,
    'Fn::Sub': (text: string) =>
      text.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => String(this.#named(name))),
    'Fn::If': ([name, yes, no]) => this.#evaluate(this.#holds(name) ? yes : no),
    'Fn::Not': ([one]) => !this.#evaluate(one),
    'Fn::Equals': ([one, other]) => this.#evaluate(one) === this.#evaluate(other),
    'Fn::Join': ([by, list]) => (this.#evaluate(list) as string[]).join(by),
    'Fn::Split': ([by, text]) => String(this.#evaluate(text)).split(by),
    'Fn::Select': ([index, list]) => (this.#evaluate(list) as string[])[Number(index)],
  };

  constructor(template: Template, { account, region }: Place, given: Record<string, string>) {
    this.#template = template;
    this.#given = given;
    this.#pseudo = {
      'AWS::AccountId': account,
      'AWS::Region': region,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::NoValue': undefined,
    };
  }

  resources(): Template['Resources'] {
    const made = Object.entries(this.#template.Resources).filter(
      ([, { Condition }]) => Condition === undefined || this.#holds(Condition),
    );
    return this.#evaluate(Object.fromEntries(made)) as Template['Resources'];
  }

  #named(name: string): unknown {
    const { Parameters, Resources } = this.#template;
    if (name in this.#pseudo) return this.#pseudo[name];
    if (name in Resources) return `<${name}>`;
    const value = this.#given[name] ?? Parameters[name]?.Default;
    if (value === undefined) throw new Error(`parameter ${name} has no value`);
    return Parameters[name]?.Type === 'CommaDelimitedList' ? value.split(',') : value;
  }

  #holds(name: string): boolean {
    return this.#evaluate(this.#template.Conditions[name]) === true;
  }

  #evaluate(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value))
      return value.map((one) => this.#evaluate(one)).filter((one) => one !== undefined);
    const entries = Object.entries(value);
    const [[key, inner] = ['', undefined]] = entries;
    if (key === 'Ref' || key.startsWith('Fn::')) {
      const evaluated = this.#functions[key];
      if (evaluated === undefined) throw new Error(`no function ${key} here`);
      return evaluated(inner);
    }
    const all = entries.map(([name, one]) => [name, this.#evaluate(one)] as const);
    return Object.fromEntries(all.filter(([, one]) => one !== undefined));
  }
}
