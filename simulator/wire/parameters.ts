import { AwsError, invalidValue, missingParameter } from '../errors.ts';

/**
 * The parameters of a Query request as a tree of their dotted names:
 * `TagSpecification.1.Tag.2.Key=k` is under TagSpecification, 1, Tag, 2, Key.
 */
export class Parameters {
  value: string | undefined;
  readonly #children = new Map<string, Parameters>();

  /** The parameters of a form-encoded body. */
  static parse(form: Iterable<[string, string]>): Parameters {
    const root = new Parameters();
    for (const [name, value] of form) root.#set(name, value);
    return root;
  }

  #set(name: string, value: string): void {
    let node: Parameters = this;
    for (const part of name.split('.')) {
      let child = node.#children.get(part);
      if (child === undefined) node.#children.set(part, (child = new Parameters()));
      node = child;
    }
    node.value = value;
  }

  /** The scalar of a name, or undefined if it was not sent. */
  text(name: string): string | undefined {
    return this.#children.get(name)?.value;
  }

  /** The scalar of a name. @throws AwsError MissingParameter if it was not sent */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw missingParameter(name);
    return value;
  }

  boolean(name: string): boolean | undefined {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined) return undefined;
    if (value !== 'true' && value !== 'false') throw invalidValue(name, value, 'Expected a boolean.');
    return value === 'true';
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^-?\d{1,9}$/.test(value)) throw invalidValue(name, value, 'Expected an integer.');
    return Number(value);
  }

  /** Every scalar with its dotted name. */
  entries(prefix = ''): [string, string][] {
    return [...this.#children].flatMap(([name, child]) => {
      const own: [string, string][] = child.value === undefined ? [] : [[prefix + name, child.value]];
      return [...own, ...child.entries(`${prefix}${name}.`)];
    });
  }

  /** The structure of a name; an empty one if it was not sent. */
  structure(name: string): Parameters {
    return this.#children.get(name) ?? new Parameters();
  }

  /** The members of a list, in the order of their numbers. */
  structures(name: string): Parameters[] {
    const list = [...this.structure(name).#children];
    return list.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, member]) => member);
  }

  /** The members of a list of scalars. */
  texts(name: string): string[] {
    return this.structures(name).map((member) => {
      if (member.value === undefined)
        throw new AwsError('InvalidParameterValue', `Invalid list member in ${name}`);
      return member.value;
    });
  }
}
