import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { type Demo, startDemo } from '../scripts/start/demo.mts';
import { launchChromium } from './helpers/chromium.mts';
import { freePorts } from './helpers/ports.mts';

const artifacts = fileURLToPath(new URL('../artifacts/', import.meta.url));

describe('pages, with live traffic', () => {
  let browser: Browser | null = null;
  let folder: string;
  let demo: Demo;

  before(async function () {
    this.timeout(120_000);
    browser = await launchChromium();
    if (!browser) return this.skip();
    await mkdir(artifacts, { recursive: true });
    folder = await mkdtemp(join(tmpdir(), 'atomscale-pages-'));
    const [nodeRedPort = 0, sandboxPort = 0, mqttPort = 0] = await freePorts(3);
    demo = await startDemo({ nodeRedPort, sandboxPort, mqttPort, folder, realService: false });
    await demo.press('start');
  });

  after(async function () {
    this.timeout(60_000);
    await browser?.close();
    await demo?.close();
    if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Opens a page, and collects what goes wrong in it. */
  async function open(url: string): Promise<{ page: Page; faults: string[] }> {
    assert.ok(browser);
    const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
    const faults: string[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on(
      'response',
      (answer) => answer.status() >= 400 && faults.push(`${answer.status()} ${answer.url()}`),
    );
    await page.goto(url);
    return { page, faults };
  }

  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await sleep(200); // mocha's timeout ends it
  }

  it('the sandbox shows frames and channels as they arrive', async () => {
    assert.ok(demo.sandbox);
    const { page, faults } = await open(demo.sandbox.url);
    await page.getByRole('button', { name: /RHEED ·/ }).click();
    const counter = page.locator('dt:text-is("Frames") + dd');
    const frames = async () => Number((await counter.textContent())?.replace(/\D/g, ''));
    const before = await frames();
    await until(async () => (await frames()) > before + 480);
    const brightest = await page.evaluate(() => {
      const canvas = document.querySelector('canvas');
      const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      let most = 0;
      for (let at = 0; at < pixels.length; at += 4) most = Math.max(most, pixels[at] ?? 0);
      return most;
    });
    assert.ok(brightest > 150, `the brightest pixel of the frame shown is ${brightest}`);
    await page.waitForTimeout(8000); // for a picture with some oscillations in it
    await page.screenshot({ path: join(artifacts, 'sandbox-rheed.png') });

    await page.getByRole('button', { name: /Timeseries ·/ }).click();
    for (const channel of ['temperature', 'pressure', 'heater power', 'rate']) {
      await page.getByText(channel).first().waitFor();
    }
    await page.waitForTimeout(1000);
    await page.screenshot({ path: join(artifacts, 'sandbox-timeseries.png') });
    assert.deepEqual(faults, []);
    assert.deepEqual(demo.sandbox.complaints, []);
    await page.close();
  });

  it('Node-RED shows the flow, its nodes streaming, and messages in the sidebar', async () => {
    const { page, faults } = await open(demo.nodeRed.url);
    // Both stream nodes say how many chunks have been sent, and go on counting.
    const chunks = async () => {
      const texts = await page.locator('.red-ui-flow-node-status-label').allTextContents();
      return texts.map((text) => Number(/(\d+) chunks/.exec(text)?.[1] ?? 0)).filter((sent) => sent > 0);
    };
    await until(async () => (await chunks()).length === 2);
    const before = await chunks();
    await until(async () => (await chunks()).every((sent, at) => sent > (before[at] ?? 0)));
    await page.locator('.red-ui-debug-msg').first().waitFor();
    await page.screenshot({ path: join(artifacts, 'node-red.png') });
    assert.deepEqual(faults, []);
    await page.close();
  });
});
