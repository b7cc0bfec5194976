import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync'].map(
  (part) => `--disable-${part}`,
);

/** The system's Chromium, null when there is none. */
export async function launchChromium(): Promise<Browser | null> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
  return found
    ? chromium.launch({ executablePath: found, args: ['--no-sandbox', '--no-first-run', ...quiet] })
    : null;
}
