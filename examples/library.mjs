/**
 * The library from plain Node.js, without Node-RED: frames and readings of one growth, under one sample.
 *
 *   npm install @rheed/node-red-atomscale
 *   AS_API_KEY=… node library.mjs
 *
 * Everything is kept in a spool on disk (`~/.atomscale/spool`) until the service has confirmed it.
 */
import { RheedStreamer, TimeseriesStreamer } from '@rheed/node-red-atomscale';

const [width, height, fps] = [320, 240, 30];
const growth = { streamName: 'Library example', physicalSample: 'GaN-001', tags: ['demo'] };
const options = { spoolDir: process.env.AS_SPOOL_DIR };

/** Put your camera here: chunks of two seconds of frames, 8 bits of gray a pixel. */
async function* camera(seconds) {
  const chunk = 2 * fps;
  for (let first = 0; first < seconds * fps; first += chunk) {
    const data = new Uint8Array(chunk * width * height);
    for (let n = 0; n < chunk; n += 1) {
      const brightness = 120 + 100 * Math.cos((first + n) / 12); // an oscillation a monolayer
      const spot = (n * height + height / 2) * width + width / 2;
      data.fill(brightness, spot - 8, spot + 8);
    }
    yield { data, shape: [chunk, height, width] };
  }
}

const rheed = new RheedStreamer(options);
const frames = await rheed.initialize({ ...growth, fps });
await rheed.run(frames, camera(6));

const furnace = new TimeseriesStreamer(options);
const readings = await furnace.initialize(growth);
const now = Date.now() / 1000;
await furnace.pushMulti(readings, 0, {
  temperature: { timestamps: [now - 2, now - 1, now], values: [649.8, 650.1, 650.0], units: '°C' },
  pressure: { timestamps: [now - 2, now - 1, now], values: [2.5e-8, 2.6e-8, 2.6e-8], units: 'mbar' },
});

// Each resolves when everything has arrived.
const reports = await Promise.all([rheed.finalize(frames), furnace.finalize(readings)]);
console.log(JSON.stringify({ rheed: frames, furnace: readings, reports }, null, 2));
