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
