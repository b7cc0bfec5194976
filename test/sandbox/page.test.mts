/** The page in a real browser: shows what arrives, says what is missing, switches faults. */
import assert from 'node:assert/strict';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { announcement, encode, openRheed, post, presign, put, shardOf } from './helpers.mts';

/** Where screenshots are kept for people to look at. */
const ARTIFACTS = fileURLToPath(new URL('../../artifacts/', import.meta.url));
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-sync',
];
const HEIGHT = 60;
const WIDTH = 100;

/** $CHROMIUM, or a Chromium or Chrome in the path. */
function findBrowser(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [process.env.CHROMIUM ?? '', ...candidates].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return file !== '';
    } catch {
      return false;
    }
  });
}

/** Whether every plot shows its line: more than 100 pixels that are neither gray (grid, labels) nor transparent. */
const PLOT_DRAWN = `[...document.querySelectorAll('.plot canvas')].every((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b, a] = data.subarray(at, at + 4);
    if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured += 1;
  }
  return coloured > 100;
})`;

/** Dark frames with one bright spot that swings in brightness. */
function spots(chunk: number): Uint8Array[] {
  return Array.from({ length: 20 }, (_, frame) => {
    const bright = 180 + 60 * Math.sin((chunk * 20 + frame) / 5);
    return Uint8Array.from({ length: HEIGHT * WIDTH }, (_, pixel) => {
      const x = (pixel % WIDTH) - 50;
      const y = Math.floor(pixel / WIDTH) - 30;
      return 12 + bright * Math.exp(-(x * x + y * y) / 40);
    });
  });
}

describe('sandbox: page', function () {
  this.timeout(60_000);
  let sandbox: Sandbox;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  before(async function () {
    const executablePath = findBrowser();
    if (!executablePath) return this.skip();
    mkdirSync(ARTIFACTS, { recursive: true });
    sandbox = await startSandbox();
    browser = await chromium.launch({ executablePath, args: QUIET });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await page.goto(sandbox.url);
  });
  after(async () => {
    await browser?.close();
    await sandbox?.close();
  });
  afterEach(() => assert.deepEqual(problems, []));

  async function send(id: string, index: number): Promise<void> {
    const start = 1_700_000_000_000 + index * 2000;
    const body = announcement(id, {
      dims: `20,${HEIGHT},${WIDTH}`,
      start_unix_ms_utc: String(start),
      end_unix_ms_utc: String(start + 2000),
    });
    const [{ url }] = (await presign(sandbox.url, index, body)).json;
    assert.equal((await put(url, shardOf(encode(spots(index))))).status, 200);
  }

  const fact = (label: string) => page.locator(`.facts div:has(dt:text-is("${label}")) dd`);
  const waitForText = (selector: string, text: string) =>
    page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 10_000 });

  /** Pixels of the frame on show that are brighter than half. */
  const brightPixels = () =>
    page.evaluate<number>(`(() => {
      const canvas = document.querySelector('.screen canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 0 && value > 128).length;
    })()`);

  it('says how to point a flow at it while nothing has arrived', async () => {
    await waitForText('#endpoint', sandbox.url);
    await waitForText('article', 'Streams appear here');
  });

  it('shows a RHEED stream live, and its gap in red', async () => {
    const id = await openRheed(sandbox.url, { data_item_name: 'GaN growth', azimuth_label: '[11-20]' });
    for (const index of [0, 1, 2]) await send(id, index);
    await fact('Frames').getByText('60', { exact: true }).waitFor();
    assert.equal(await fact('Frame size').textContent(), '100 × 60');
    await page.waitForFunction(`document.querySelector('canvas').width === ${WIDTH}`);
    assert.ok((await brightPixels()) > 10, 'the spot is on the canvas');
    await send(id, 5);
    await waitForText('.alarm:visible', 'Missing: chunk 3–4');
    await waitForText('.streams .bad', 'missing chunk 3–4');
    await fact('Frames').getByText('80', { exact: true }).waitFor();
  });

  it('the spot is moved with the pointer', async () => {
    const box = await page.locator('.screen canvas').boundingBox();
    assert.ok(box);
    const at = (x: number, y: number) =>
      [box.x + (x / WIDTH) * box.width, box.y + (y / HEIGHT) * box.height] as const;
    await page.mouse.move(...at(10, 10));
    await page.mouse.down();
    await page.mouse.move(...at(30, 20));
    await page.mouse.up();
    const wanted = { x: 10, y: 10, width: 20, height: 10 };
    while (sandbox.streams()[0]?.roi?.width !== wanted.width) await page.waitForTimeout(20);
    assert.deepEqual(sandbox.streams()[0]?.roi, wanted);
  });

  it('switches a fault on and off', async () => {
    const button = page.getByRole('button', { name: '503 busy' });
    await button.click();
    await page.locator('button[aria-pressed="true"]:has-text("503 busy")').waitFor();
    assert.deepEqual(
      sandbox.faults.list().map((fault) => fault.name),
      ['503'],
    );
    await page.getByRole('button', { name: 'All off' }).click();
    await page.locator('button[aria-pressed="false"]:has-text("503 busy")').waitFor();
    assert.deepEqual(sandbox.faults.list(), []);
  });

  it('shows a timeseries with its units, and what was refused', async () => {
    const start = { stream_name: 'Furnace', synth_source_id: 42, points_per_chunk: 50, project_id: null };
    const id = (await post(sandbox.url, '/tool-state/stream/initialize', start)).json.data_id;
    const timestamps = Array.from({ length: 50 }, (_, row) => 1_700_000_000 + row / 5);
    const values = timestamps.map((_, row) => 780 + 5 * Math.sin(row / 8));
    const chunk = { data_id: id, chunk_index: 0, timestamps, values, units: '°C' };
    await post(sandbox.url, '/tool-state/stream/chunk', { ...chunk, channel_name: 'substrate temperature' });
    await post(sandbox.url, '/tool-state/stream/chunk', { ...chunk, channel_name: '' });
    await page.locator('.streams button:has-text("Furnace")').click();
    await waitForText('.plot-head', 'substrate temperature');
    await waitForText('.plot-head .value', '°C');
    await waitForText('.alarm:visible', 'channel_name');
    await waitForText('#complaints li', 'channel_name');
  });

  for (const [width, colorScheme] of [
    [1280, 'light'],
    [1280, 'dark'],
    [420, 'dark'],
  ] as const) {
    it(`nothing is cut off at ${width} pixels, ${colorScheme}`, async () => {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      for (const name of ['GaN growth', 'Furnace']) {
        await page.locator(`.streams button:has-text("${name}")`).click();
        await waitForText('.detail-head h3', name);
        await page.waitForFunction(PLOT_DRAWN, undefined, { timeout: 10_000 });
        const wide = await page.evaluate(
          "[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).length",
        );
        assert.equal(wide, 0, 'elements beyond the right edge');
        const file = `sandbox-${name.split(' ')[0]?.toLowerCase()}-${width}-${colorScheme}.png`;
        await page.screenshot({ path: join(ARTIFACTS, file), fullPage: true });
      }
    });
  }
});
