import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import {
  type ChannelTable,
  compileTable,
  readTable,
} from '../../dist/nodes/timeseries-stream/channel-table.js';
import { nodeRedSources } from '../../dist/nodes/timeseries-stream/sources.js';

const DOC = path.resolve(import.meta.dirname, '../../docs/sensors.md');
const util = createRequire(import.meta.url)('@node-red/util').util;
const node = { context: () => ({ flow: {}, global: {} }) };
const make = nodeRedSources({ util } as never, node as never);

/** A message of the page, and what its table makes of it: null is a gap. */
interface Example {
  readonly message: Record<string, unknown>;
  readonly readings: Readonly<Record<string, number | null>>;
}

interface Instrument {
  readonly title: string;
  readonly table: object[];
  readonly examples: Example[];
}

/** Tables of the page, each with the examples that follow it. */
function instruments(): Instrument[] {
  const found: Instrument[] = [];
  let title = '';
  for (const [, heading, json] of readFileSync(DOC, 'utf8').matchAll(
    /^### (.+)$|^```json\n([\s\S]*?)^```/gm,
  )) {
    if (heading !== undefined) title = heading;
    if (json === undefined) continue;
    const block = JSON.parse(json);
    if (Array.isArray(block)) found.push({ title, table: block, examples: [] });
    else found.at(-1)?.examples.push(block);
  }
  return found;
}

describe('docs/sensors.md', () => {
  it('has a table for ten instruments and more', () => {
    assert.ok(new Set(instruments().map(({ title }) => title)).size >= 10);
  });

  for (const { title, table, examples } of instruments()) {
    it(`${title}: its table makes of its messages what the page says`, async () => {
      assert.ok(examples.length > 0, 'a table without an example');
      const compiled = compileTable(table, make) as ChannelTable;
      for (const { message, readings } of examples) {
        const found = await readTable(compiled, message);
        assert.deepEqual(
          Object.fromEntries(
            found.readings.map(({ channel, value }) => [channel, value && Number(value.toPrecision(12))]),
          ),
          readings,
        );
      }
    });
  }

  it('names columns, types and orders that exist', () => {
    const columns = new Set(instruments().flatMap(({ table }) => table.flatMap((row) => Object.keys(row))));
    const known = ['source', 'sourceType', 'channel', 'units', 'type', 'order', 'scale', 'offset', 'invalid'];
    assert.deepEqual(
      [...columns].filter((column) => ![...known, 'minInterval', 'deadband'].includes(column)),
      [],
    );
  });

  it('links to sections that exist', () => {
    const text = readFileSync(DOC, 'utf8');
    const anchors = new Set(
      [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const links = [...text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = '']) => anchor);
    assert.deepEqual(
      links.filter((link) => !anchors.has(link)),
      [],
    );
  });
});
