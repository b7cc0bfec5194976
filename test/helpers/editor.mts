/** Reads a node's editor form as the editor does, without a browser. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runInNewContext } from 'node:vm';

const NODES = path.resolve(import.meta.dirname, '../../dist/nodes');

/** A property of an editor definition. */
export interface Default {
  readonly value: unknown;
  readonly required?: boolean;
  readonly type?: string;
  validate?(this: object, value: unknown, opt: object): unknown;
}

export interface Definition {
  readonly category: string;
  readonly color: string;
  readonly defaults: Readonly<Record<string, Default>>;
  readonly credentials?: Readonly<Record<string, { readonly type: string }>>;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly icon?: string;
  label(this: object): string;
  outputLabels?(this: object, index: number): string;
}

export interface Form {
  readonly html: string;
  readonly definition: Definition;
  /** Labels of locales/en-US, by dotted key. */
  readonly labels: ReadonlyMap<string, string>;
  readonly help: string;
}

function flatten(tree: object, prefix: string, into: Map<string, string>): Map<string, string> {
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') into.set(prefix + key, value);
    else flatten(value as object, `${prefix}${key}.`, into);
  }
  return into;
}

export function readForm(type: string): Form {
  const folder = path.join(NODES, type);
  const html = readFileSync(path.join(folder, `${type}.html`), 'utf8');
  const script = /<script type="text\/javascript">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  const registered: { type: string; definition: Definition }[] = [];
  const registerType = (name: string, definition: Definition) => registered.push({ type: name, definition });
  // No dialog is open: every field looked for is missing.
  runInNewContext(script, { RED: { nodes: { registerType } }, $: () => ({ length: 0 }) });
  const [only] = registered;
  if (registered.length !== 1 || only?.type !== type)
    throw new Error(`${type}.html registers ${JSON.stringify(registered)}`);
  const locale = readFileSync(path.join(folder, 'locales/en-US', `${type}.json`), 'utf8');
  return {
    html,
    definition: only.definition,
    labels: flatten(JSON.parse(locale), '', new Map()),
    help: readFileSync(path.join(folder, 'locales/en-US', `${type}.html`), 'utf8'),
  };
}

/** Validates a property of a node as the editor does: true, or what is wrong. */
export function validate(form: Form, name: string, node: Record<string, unknown>): unknown {
  const self = { ...node, _: (key: string) => form.labels.get(key) ?? `missing label ${key}` };
  return form.definition.defaults[name]?.validate?.call(self, node[name], {}) ?? true;
}
