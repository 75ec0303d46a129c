/** The answer of an operation: element names as keys, lists as `<item>`s; undefined is left out, an empty string is not. */
export type XmlValue = string | number | boolean | undefined | readonly XmlValue[] | XmlObject;
export interface XmlObject {
  readonly [element: string]: XmlValue;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

// oxlint-disable-next-line no-control-regex -- XML 1.0 can't contain these characters
const unsayable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/** Escapes text, and removes the control characters that XML can't represent. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => entities[c] ?? c).replace(unsayable, '');
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (value === '') return `<${name}/>`;
  return `<${name}>${content(value)}</${name}>`;
}

export function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

function content(value: Exclude<XmlValue, undefined>): string {
  if (isList(value)) return value.map((member) => element('item', member)).join('');
  return typeof value === 'object' ? elements(value) : escapeXml(String(value));
}

/** The elements of an object, one after the other. */
export function elements(object: XmlObject): string {
  let xml = '';
  for (const name in object) xml += element(name, object[name]);
  return xml;
}
