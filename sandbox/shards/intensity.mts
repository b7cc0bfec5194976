/** Intensities of gray8 frames. */
import type { Roi } from '../types.mts';

/** Mean gray level of the frame, 0–255. */
export function meanOf(frame: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < frame.length; at += 1) sum += frame[at] as number;
  return sum / frame.length;
}

/** Mean gray level within the region of a frame `width` pixels wide. */
export function meanWithin(frame: Uint8Array, width: number, roi: Roi): number {
  let sum = 0;
  for (let y = roi.y; y < roi.y + roi.height; y += 1) {
    const end = y * width + roi.x + roi.width;
    for (let at = y * width + roi.x; at < end; at += 1) sum += frame[at] as number;
  }
  return sum / (roi.width * roi.height);
}

/** A first guess at the specular spot: the brightest of the blocks, an eighth of the frame wide, half overlapping. */
export function brightestSpot(frame: Uint8Array, height: number, width: number): Roi {
  const side = Math.max(1, Math.floor(Math.min(height, width) / 8));
  const step = Math.max(1, Math.floor(side / 2));
  let best: Roi = { x: 0, y: 0, width: side, height: side };
  let brightest = -1;
  for (let y = 0; y + side <= height; y += step) {
    for (let x = 0; x + side <= width; x += step) {
      const roi = { x, y, width: side, height: side };
      const mean = meanWithin(frame, width, roi);
      if (mean > brightest) {
        brightest = mean;
        best = roi;
      }
    }
  }
  return best;
}

/** The region cut to whole pixels inside the frame, at least one pixel. */
export function clampRoi(roi: Roi, height: number, width: number): Roi {
  const x = Math.min(Math.max(0, Math.round(roi.x)), width - 1);
  const y = Math.min(Math.max(0, Math.round(roi.y)), height - 1);
  return {
    x,
    y,
    width: Math.min(Math.max(1, Math.round(roi.width)), width - x),
    height: Math.min(Math.max(1, Math.round(roi.height)), height - y),
  };
}
