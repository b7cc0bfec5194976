import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../helpers/chromium.mts';
import { type FlowNode, NodeRed } from '../helpers/node-red.mts';

const ARTIFACTS = path.resolve(import.meta.dirname, '../../artifacts');

const CHANNELS = [
  {
    source: 'payload.zone[0].pv',
    sourceType: 'msg',
    channel: 'Zone 1',
    units: 'C',
    type: 'int16',
    order: 'BADC',
    scale: '0.1',
    offset: '',
    invalid: '9999, >1e6',
    minInterval: '500',
    deadband: '0.2',
  },
  {
    source: '$sum(payload.p)',
    sourceType: 'jsonata',
    channel: 'P',
    units: '',
    type: 'number',
    order: 'ABCD',
    scale: '',
    offset: '',
    invalid: '',
    minInterval: '',
    deadband: '',
  },
];

/** The editor's own object, as far as it is used here. */
interface EditorWindow {
  RED: {
    editor: { edit(node: object): void; editConfig(name: string, type: string, id: string): void };
    nodes: { node(id: string): Record<string, unknown> };
  };
}

describe('forms in the editor', function () {
  this.timeout(120_000);
  let browser: Browser | null = null;

  before(async function () {
    browser = await launchChromium();
    if (!browser) return this.skip();
    await mkdir(ARTIFACTS, { recursive: true });
  });
  after(() => browser?.close());

  for (const version of [5, 4] as const) {
    describe(`of Node-RED ${version}`, () => {
      let red: NodeRed;
      let page: Page;
      const faults: string[] = [];

      before(async () => {
        red = await NodeRed.start({ version, flow: freshNodes(), credentials: { account: { apiKey: 'k' } } });
        page = await (browser as Browser).newPage({ viewport: { width: 1280, height: 1200 } });
        page.on('pageerror', (error) => faults.push(error.message));
        page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
        await page.goto(red.url);
        await page.locator('.red-ui-palette-node[data-palette-type="rheed-stream"]').waitFor();
        await page.waitForFunction(() => !!(window as unknown as EditorWindow).RED.nodes.node('series'));
      });
      after(async () => {
        await page?.close();
        await red?.dispose();
      });

      const node = (id: string) =>
        page.evaluate((nodeId) => {
          const { changed, valid, channels, spoolMaxBytes, fps, format } = (
            window as unknown as EditorWindow
          ).RED.nodes.node(nodeId);
          return { changed: changed === true, valid, channels, spoolMaxBytes, fps, format };
        }, id);

      /** Opens a node's dialog, lets the test fill it in, takes a picture and closes it by its main button. */
      async function edit(id: string, fill: () => Promise<unknown> = async () => {}): Promise<void> {
        const isConfig = id === 'account';
        await page.evaluate(
          ([nodeId, config]) => {
            const { editor, nodes } = (window as unknown as EditorWindow).RED;
            if (config) editor.editConfig('', 'atomscale-account', nodeId as string);
            else editor.edit(nodes.node(nodeId as string));
          },
          [id, isConfig] as const,
        );
        const done = page.locator(isConfig ? '#node-config-dialog-ok' : '#node-dialog-ok');
        await done.waitFor();
        await page.locator(isConfig ? '#node-config-input-uploads' : '#node-input-idleTimeout').waitFor();
        await fill();
        await page.screenshot({ path: path.join(ARTIFACTS, `form-${id}-${version}.png`) });
        await done.click();
        await page.locator('.red-ui-tray').waitFor({ state: 'detached' });
      }

      it('opens and closes each dialog without a change or a fault', async () => {
        for (const id of ['rheed', 'series', 'account']) {
          await edit(id);
          assert.equal((await node(id)).changed, false, id);
        }
        assert.deepEqual((await node('series')).channels, CHANNELS);
        assert.deepEqual(faults, []);
      });

      it('shows pixel settings where they matter, and marks what cannot be', async () => {
        await edit('rheed', async () => {
          const visible = (name: string) => page.locator(`#node-input-${name}`).isVisible();
          assert.deepEqual(
            [await visible('width'), await visible('byteOrder'), await visible('low')],
            [true, false, false],
          );
          await page.selectOption('#node-input-format', 'mono12');
          await page.selectOption('#node-input-depth', 'window');
          assert.deepEqual([await visible('byteOrder'), await visible('low')], [true, true]);
          await page.selectOption('#node-input-format', 'image');
          assert.equal(await visible('width'), false);
          await page.selectOption('#node-input-format', 'mono8');
          assert.equal(await visible('depth'), false);

          const marked = async (name: string) =>
            (await page.locator(`#node-input-${name}`).getAttribute('class'))?.includes('input-error') ===
            true;
          await page.fill('#node-input-chunkSize', '30');
          await page.fill('#node-input-fps', '20');
          await page.locator('#node-input-streamName').focus();
          assert.equal(await marked('chunkSize'), true);
          await page.fill('#node-input-fps', '12.5');
          await page.locator('#node-input-streamName').focus();
          assert.equal(await marked('chunkSize'), false);
        });
        const { fps, format, changed, valid } = await node('rheed');
        assert.deepEqual([fps, format, changed, valid], ['12.5', 'mono8', true, true]);
      });

      it('adds a channel, and refuses one without a name', async () => {
        await edit('series', async () => {
          await page.locator('.red-ui-editableList-addButton').click();
          const row = page.locator('#node-input-channels-container li').last();
          const marked = (kind: string) => row.locator(`${kind}.input-error`).count();
          assert.deepEqual(
            [await marked('.red-ui-typedInput-container'), await marked('.atomscale-grow')],
            [0, 1],
          );
          await row.locator('.red-ui-typedInput-input').fill('');
          assert.equal(await marked('.red-ui-typedInput-container'), 1);
          await row.locator('.red-ui-typedInput-input').fill('payload.T2');
        });
        assert.equal((await node('series')).valid, false);
        await edit('series', async () => {
          await page.getByPlaceholder('channel', { exact: true }).last().fill('T2');
        });
        const { channels, valid } = await node('series');
        assert.equal(valid, true);
        assert.equal((channels as { channel: string }[])[2]?.channel, 'T2');
      });

      it('shows the order of registers and the number of a bit where they matter', async () => {
        const row = page.locator('#node-input-channels-container li').first();
        const type = row.locator('select').first();
        const order = row.locator('select').nth(1);
        const bit = row.getByTitle('which bit, 0 = the lowest');
        const shown = async () => [await order.isVisible(), await bit.isVisible()];
        await edit('series', async () => {
          assert.deepEqual(await shown(), [true, false]);
          await type.selectOption('number');
          assert.deepEqual(await shown(), [false, false]);
          await type.selectOption('bit');
          assert.deepEqual(await shown(), [true, true]);
          await bit.fill('32');
          assert.match((await bit.getAttribute('class')) ?? '', /input-error/);
          await bit.fill('12');
          await order.selectOption('CDAB');
        });
        const { channels, valid } = await node('series');
        const [first] = channels as { type: string; order: string }[];
        assert.deepEqual([first?.type, first?.order, valid], ['bit 12', 'CDAB', true]);
      });

      it('keeps a row of the channel table within the dialog', async () => {
        await edit('series', async () => {
          const widths = await page
            .locator('#node-input-channels-container .atomscale-line')
            .evaluateAll((lines) => lines.map(({ clientWidth, scrollWidth }) => [clientWidth, scrollWidth]));
          for (const [inner, needed] of widths) assert.equal(needed, inner);
        });
      });

      it('takes sizes as people write them', async () => {
        await edit('account', async () => {
          assert.equal(await page.inputValue('#node-config-input-spoolMaxBytes'), '50 GB');
          await page.fill('#node-config-input-spoolMaxBytes', '1.5 TB');
        });
        assert.equal(Number((await node('account')).spoolMaxBytes), 1.5e12);
        assert.deepEqual(faults, []);
      });
    });
  }
});

/** Nodes as the editor makes them: every setting has its default. */
function freshNodes(): FlowNode[] {
  const stream = {
    z: 'tab',
    account: 'account',
    name: '',
    streamName: '',
    physicalSample: '',
    projectId: '',
    tags: '',
  };
  const behaviour = { idleTimeout: 0, autoStart: true, wires: [[], []] };
  return [
    { id: 'tab', type: 'tab', label: 'Growth' },
    {
      ...{
        id: 'account',
        type: 'atomscale-account',
        name: 'Lab',
        endpoint: 'http://127.0.0.1:9',
        spoolDir: '',
      },
      ...{
        spoolMaxBytes: 50e9,
        spoolMinFreeBytes: 2e9,
        whenFull: 'refuse',
        keepUploaded: 0,
        uploads: 4,
        verbosity: 2,
        clockSync: false,
      },
    },
    {
      ...{ id: 'rheed', type: 'rheed-stream', x: 200, y: 100, ...stream, ...behaviour },
      ...{ fps: '10', rotationsPerMin: 0, chunkSize: '', azimuth: '', format: 'auto', width: '', height: '' },
      ...{ headerBytes: '', byteOrder: 'little', align: 'lsb', significantBits: '' },
      ...{ depth: 'full-scale', low: '', high: '' },
      ...{ cropX: '', cropY: '', cropWidth: '', cropHeight: '', bin: '1', flip: 'none' },
      ...{ framing: 'message', compression: 'auto', every: 1, maxFps: '', filenameTime: '' },
    },
    {
      ...{
        id: 'series',
        type: 'timeseries-stream',
        x: 200,
        y: 200,
        ...stream,
        ...behaviour,
        synthSourceId: '',
      },
      ...{ pointsPerChunk: 100, flushInterval: 10, rowWindow: 100, fill: 'hold', channels: CHANNELS },
    },
  ];
}
