/** A Node-RED message, of which nothing is known yet. */
export type Message = Readonly<Record<string, unknown>>;

/** What `Object.prototype.toString` says: right for objects of any realm, a function node's among them. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** An object that is neither an array, a buffer, a date nor any other built-in. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return tagOf(value) === 'Object' && !ArrayBuffer.isView(value);
}

/** A short word for what came, for error texts: never the data itself. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : `the string "${value}"`;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return `${typeof value} ${value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${tagOf(value)} of ${value.byteLength} bytes`;
  return typeof value === 'object' ? `an object (${tagOf(value)})` : `a ${typeof value}`;
}
