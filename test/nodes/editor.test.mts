import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Form, readForm, validate } from '../helpers/editor.mts';

const NODES = path.resolve(import.meta.dirname, '../../dist/nodes');
const STREAM = [
  'account',
  'name',
  'streamName',
  'physicalSample',
  'projectId',
  'tags',
  'idleTimeout',
  'autoStart',
];

/** Settings by the names that flows rely on. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  'atomscale-account': [
    'name',
    'endpoint',
    'spoolDir',
    'spoolMaxBytes',
    'spoolMinFreeBytes',
    'whenFull',
    'keepUploaded',
    'uploads',
    'verbosity',
    'clockSync',
  ],
  'rheed-stream': [
    ...STREAM,
    ...['fps', 'rotationsPerMin', 'chunkSize', 'azimuth', 'format', 'width', 'height'],
    ...['headerBytes', 'byteOrder', 'align', 'significantBits', 'depth', 'low', 'high'],
    ...['cropX', 'cropY', 'cropWidth', 'cropHeight', 'bin', 'flip'],
    ...['framing', 'every', 'maxFps', 'filenameTime', 'compression'],
  ],
  'timeseries-stream': [
    ...STREAM,
    ...['synthSourceId', 'pointsPerChunk', 'flushInterval', 'rowWindow', 'fill', 'channels'],
  ],
};

/** Defaults that the contract gives. */
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'atomscale-account': {
    spoolMaxBytes: 50e9,
    spoolMinFreeBytes: 2e9,
    whenFull: 'refuse',
    keepUploaded: 0,
    uploads: 4,
    clockSync: true,
  },
  'rheed-stream': {
    ...{ rotationsPerMin: 0, chunkSize: '', format: 'auto', depth: 'full-scale', autoStart: true },
    ...{ framing: 'message', every: 1, maxFps: '' },
  },
  'timeseries-stream': {
    pointsPerChunk: 100,
    flushInterval: 10,
    rowWindow: 100,
    fill: 'hold',
    autoStart: true,
  },
};

/** Labels that the runtime or code asks for by a name put together. */
const COMPOSED = /\.(status|error|verbosity|table)\./;

for (const [type, names] of Object.entries(SETTINGS)) {
  describe(`editor form of ${type}`, () => {
    let form: Form;
    before(() => {
      form = readForm(type);
    });

    it("has the contract's settings and no others", () => {
      assert.deepEqual(Object.keys(form.definition.defaults).sort(), [...names].sort());
      for (const [name, value] of Object.entries(DEFAULTS[type] ?? {})) {
        assert.equal(form.definition.defaults[name]?.value, value, name);
      }
    });

    it('has a field for each setting', () => {
      const prefix = form.definition.category === 'config' ? 'node-config-input' : 'node-input';
      for (const name of names) {
        const id = name === 'channels' ? `${prefix}-channels-container` : `${prefix}-${name}`;
        assert.ok(form.html.includes(`id="${id}"`), id);
      }
    });

    it('finds each label it shows, and shows each label it has', () => {
      const keys = [...form.html.matchAll(/data-i18n="(?:\[\w+\])?([^"]+)"/g)].map(
        (match) => match[1] as string,
      );
      const own = keys.filter((key) => !key.startsWith('node-red:'));
      const asked = [
        ...form.html.matchAll(/_\('([\w.-]+)'/g),
        ...form.html.matchAll(/'([\w-]+\.port\.\w+)'/g),
      ];
      const used = new Set([...own, ...asked.map((match) => match[1] as string)]);
      for (const key of used) assert.ok(form.labels.has(key), `no label ${key}`);
      const unused = [...form.labels.keys()].filter((key) => !used.has(key) && !COMPOSED.test(key));
      assert.deepEqual(unused, []);
    });

    it('has help that begins with one sentence and names what goes in and out', () => {
      assert.match(
        form.help,
        new RegExp(`<script type="text/html" data-help-name="${type}">\\s*<p>[^.]+\\.</p>`),
      );
      const sections = [...form.help.matchAll(/<h3>(\w+)<\/h3>/g)].map((match) => match[1]);
      assert.deepEqual(
        sections,
        type === 'atomscale-account' ? ['Properties', 'Details'] : ['Inputs', 'Outputs', 'Details'],
      );
      assert.ok(form.help.includes('<dl class="message-properties">'));
    });

    it("takes its colours from the editor's theme", () => {
      const styles = [...form.html.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((match) => match[1]).join('');
      assert.doesNotMatch(styles, /#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(/i);
      for (const [, variable] of styles.matchAll(/var\((--[\w-]+)/g))
        assert.match(variable ?? '', /^--red-ui-/);
    });

    it('has its icon beside it, and ports with names', () => {
      const { icon, outputs, outputLabels } = form.definition;
      if (type === 'atomscale-account') return;
      assert.ok(existsSync(path.join(NODES, type, 'icons', icon ?? 'none')), icon);
      assert.equal(outputs, 2);
      const self = { _: (key: string) => form.labels.get(key) };
      assert.deepEqual(
        [0, 1].map((index) => outputLabels?.call(self, index)),
        ['stream', 'status'],
      );
    });

    it('is valid with its defaults, but for what a person must fill in', () => {
      const node = Object.fromEntries(
        Object.entries(form.definition.defaults).map(([name, { value }]) => [name, value]),
      );
      const invalid = names.filter((name) => validate(form, name, node) !== true);
      assert.deepEqual(invalid, type === 'rheed-stream' ? ['fps'] : []);
    });
  });
}

describe('runtime of the nodes', () => {
  for (const type of Object.keys(SETTINGS)) {
    it(`${type} registers its type literally, with what it needs inline`, () => {
      const source = readFileSync(path.join(NODES, type, `${type}.js`), 'utf8');
      assert.match(source, new RegExp(`RED\\.nodes\\.registerType\\('${type}', \\w+, \\{`));
      assert.match(source, /^module\.exports = function/m);
    });
  }

  it('takes by msg.settings what the form has', async () => {
    for (const type of ['rheed-stream', 'timeseries-stream']) {
      const source = readFileSync(path.join(NODES, type, `${type}.js`), 'utf8');
      const list = /const SETTINGS = (\[[\s\S]*?\]);/.exec(source)?.[1] ?? '[]';
      const names: string[] = JSON.parse(list.replaceAll("'", '"').replace(/,\s*\]/, ']'));
      assert.deepEqual([...names, 'account', 'name'].sort(), [...(SETTINGS[type] ?? [])].sort());
    }
  });
});

describe('rules of the forms', () => {
  const rows: [string, string, Record<string, unknown>, boolean][] = [
    ['rheed-stream', 'fps', { fps: '120' }, true],
    ['rheed-stream', 'fps', { fps: '120.5' }, false],
    ['rheed-stream', 'fps', { fps: '0' }, false],
    ['rheed-stream', 'fps', { fps: 'fast' }, false],
    ['rheed-stream', 'chunkSize', { fps: '10', chunkSize: '20' }, true],
    ['rheed-stream', 'chunkSize', { fps: '10.1', chunkSize: '20' }, false],
    ['rheed-stream', 'chunkSize', { fps: '10', chunkSize: '20.5' }, false],
    ['rheed-stream', 'rotationsPerMin', { rotationsPerMin: '-1' }, false],
    ['rheed-stream', 'azimuth', { rotationsPerMin: '12', azimuth: '[110]' }, false],
    ['rheed-stream', 'azimuth', { rotationsPerMin: '0', azimuth: '[110]' }, true],
    ['rheed-stream', 'high', { low: '10', high: '10' }, false],
    ['rheed-stream', 'high', { low: '10', high: '11' }, true],
    ['rheed-stream', 'significantBits', { significantBits: '7' }, false],
    ['rheed-stream', 'compression', { compression: 'fast' }, true],
    ['rheed-stream', 'compression', { compression: '-3' }, true],
    ['rheed-stream', 'compression', { compression: '' }, true],
    ['rheed-stream', 'compression', { compression: '20' }, false],
    ['rheed-stream', 'compression', { compression: 'best' }, false],
    ['rheed-stream', 'headerBytes', { headerBytes: '640' }, true],
    ['rheed-stream', 'headerBytes', { headerBytes: '-1' }, false],
    ['rheed-stream', 'cropX', { cropX: '0' }, true],
    ['rheed-stream', 'cropWidth', { cropWidth: '1.5' }, false],
    ['rheed-stream', 'every', { every: '2' }, true],
    ['rheed-stream', 'every', { every: '0' }, false],
    ['rheed-stream', 'every', { every: '1.5' }, false],
    ['rheed-stream', 'maxFps', { maxFps: '29.97' }, true],
    ['rheed-stream', 'maxFps', { maxFps: '0' }, false],
    ['rheed-stream', 'filenameTime', { filenameTime: 'YYYY-MM-DD___HH-mm-ss.SSS' }, true],
    ['rheed-stream', 'filenameTime', { filenameTime: 'HH-mm-ss' }, false],
    ['timeseries-stream', 'pointsPerChunk', { pointsPerChunk: '0' }, false],
    ['timeseries-stream', 'channels', { channels: [{ source: 'payload', channel: 'a' }] }, true],
    ['timeseries-stream', 'channels', { channels: [{ source: 'payload', channel: '' }] }, false],
    ['timeseries-stream', 'channels', { channels: [{ source: '', channel: 'a' }] }, false],
    ['timeseries-stream', 'channels', { channels: [{ source: 'p', channel: 'a', scale: 'x' }] }, false],
    [
      'timeseries-stream',
      'channels',
      { channels: [{ source: 'p', channel: 'a', invalid: '0, 5..9, >1e4' }] },
      true,
    ],
    ['timeseries-stream', 'channels', { channels: [{ source: 'p', channel: 'a', invalid: 'off' }] }, false],
    ['timeseries-stream', 'channels', { channels: [{ source: 'p', channel: 'a', type: 'bit 31' }] }, true],
    ['timeseries-stream', 'channels', { channels: [{ source: 'p', channel: 'a', type: 'bit 32' }] }, false],
    ['timeseries-stream', 'channels', { channels: [{ source: 'p', channel: 'a', type: 'bit' }] }, false],
    ['timeseries-stream', 'channels', { channels: [{ source: 'p', channel: 'a', deadband: '-1' }] }, false],
    [
      'timeseries-stream',
      'channels',
      { channels: [{ source: 'p', channel: 'a', minInterval: '500' }] },
      true,
    ],
    [
      'timeseries-stream',
      'channels',
      {
        channels: [
          { source: 'p', channel: 'a' },
          { source: 'q', channel: 'a' },
        ],
      },
      false,
    ],
    ['atomscale-account', 'endpoint', { endpoint: 'https://api.atomscale.ai' }, true],
    ['atomscale-account', 'endpoint', { endpoint: 'api.atomscale.ai' }, false],
    ['atomscale-account', 'spoolMaxBytes', { spoolMaxBytes: '1.5 TB' }, true],
    ['atomscale-account', 'spoolMaxBytes', { spoolMaxBytes: 'much' }, false],
    ['atomscale-account', 'uploads', { uploads: '0' }, false],
  ];
  for (const [type, name, node, valid] of rows) {
    it(`${type} ${valid ? 'takes' : 'marks'} ${name} of ${JSON.stringify(node)}`, () => {
      const result = validate(readForm(type), name, node);
      if (valid) assert.equal(result, true);
      else assert.match(String(result), /^(?:channel table: )?expected/);
    });
  }
});
