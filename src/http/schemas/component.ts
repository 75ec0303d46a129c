import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';

/** A named schema: `#/components/schemas/<$id>` in the OpenAPI document. */
export type Component<T extends TSchema = TSchema> = T & { readonly $id: string };

/** Names a schema. schemas/index.ts lists all components, so that each can be referred to by {@link ref}. */
export function component<T extends TSchema>($id: string, schema: T): Component<T> {
  return { ...schema, $id };
}

/** A reference to a component that keeps its static type (TypeBox's own Ref is `unknown`). */
export function ref<T extends TSchema>(schema: Component<T>) {
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` });
}

/** A reference to a component, or null. */
export function nullableRef<T extends TSchema>(schema: Component<T>) {
  return Type.Unsafe<Static<T> | null>({ anyOf: [{ $ref: `${schema.$id}#` }, { type: 'null' }] });
}

/** A schema of one plain type, or null. */
export function nullable<T extends TSchema & { type: string }>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] });
}

/** A string enum. */
export function oneOf<const Words extends readonly string[]>(words: Words, options: object = {}) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...options });
}

/** Options of an object that refuses unknown fields, so that a misspelt field is an error and is not ignored. */
export const CLOSED = { additionalProperties: false } as const;
