import type { Dispatcher } from 'undici';

/** The largest answer read: the list of all samples of a lab is far smaller, what never ends is no answer. */
const MAX_BYTES = 16 * 2 ** 20;

/** The body as text; the connection of a longer one is cut. */
export async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Error(`an answer of more than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/**
 * What the service said, without what must not be said again: a server may send the key back, and a storage names
 * the signature it was given. Addresses lose their query.
 */
export function withoutSecrets(text: string, key: string): string {
  const unkeyed = key === '' ? text : text.replaceAll(key, '(the key)');
  return unkeyed.replace(/(https?:\/\/)([^\s"'<>/?#@]*@)?([^\s"'<>?#]*)[?#][^\s"'<>]*/gi, '$1$3?…');
}

/** An answer in XML or HTML (a storage's, a proxy's) in a few words; other texts as they are. */
export function inWords(text: string): string {
  if (!text.trimStart().startsWith('<')) return text;
  const named = ['Code', 'Message', 'title'].map(
    (name) => new RegExp(`<${name}>([^<]{1,200})`, 'i').exec(text)?.[1],
  );
  return named.filter((words) => words !== undefined).join(': ');
}
