/** The streaming client, usable without Node-RED. */
export type { ClockStatus } from './clock.js';
export { ApiError, AtomscaleError, type ErrorCode, SettingsError, SpoolError } from './errors.js';
export type { Frames, NestedFrames } from './frame-arrays.js';
export type { QuarantinedStream, Selection } from './quarantine-desk.js';
export { type RheedInitialize, RheedStreamer, type TimedFrames } from './rheed-streamer.js';
export type { QuarantinedChunk } from './spool/quarantine.js';
export type { FinalizeOptions, SpoolStatus, StreamerOptions } from './streamer.js';
export {
  type Channel,
  type TimeseriesInitialize,
  TimeseriesStreamer,
  type TimeseriesStreamerOptions,
} from './timeseries-streamer.js';
export type { Report, StatusEvent } from './types.js';
