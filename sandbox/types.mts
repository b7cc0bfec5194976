/** Words that the sandbox's parts and those who drive it share. */

/** A physical sample, project or tag. */
export interface NamedItem {
  id: string;
  name: string;
}

/** A growth instrument. */
export interface Instrument {
  synth_source_id: number;
  name: string;
}

/** What exists beside the streams; the lists are live and may be edited. */
export interface Seed {
  samples: NamedItem[];
  projects: NamedItem[];
  tags: NamedItem[];
  instruments: Instrument[];
}

export interface SandboxOptions {
  /** 0 (default) = any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Where streams are stored; those already there are taken up again. Default: a fresh folder, removed at close. */
  folder?: string;
  /** The one accepted key; null (default) = any non-empty key. */
  apiKey?: string | null;
  /** How far the sandbox's clock is ahead of the host's. */
  clockOffsetMs?: number;
  /** Life of a presigned URL, default 15 minutes. */
  urlLifetimeMs?: number;
  /** A stream without data for this long is closed with `stream_error`, default 2 hours. */
  silenceLimitMs?: number;
  /** false: every complaint is printed on stderr. Default true. */
  quiet?: boolean;
}

export type PipelineStatus = 'stream_active' | 'stream_finalizing' | 'finished' | 'stream_error';

/** One request to the API, in the order in which they arrived. */
export interface RecordedRequest {
  method: string;
  path: string;
  /** With its question mark, or empty. */
  query: string;
  headers: Record<string, string | string[] | undefined>;
  /** Parsed JSON; not kept for a PUT. */
  body?: unknown;
  /** Length of the body as it came. */
  bytes?: number;
  /** Of a PUT's body, in hex. */
  sha256?: string;
  /** null: no answer was given (yet), or the answer was lost on purpose. */
  status: number | null;
  /** Arrival, Unix ms of the host's clock. */
  at: number;
  /** The fault that struck, when one did. */
  fault?: string;
  /** Why it was refused. */
  refusal?: string;
}

/** A rectangle in pixels, over whose mean the spot's intensity is taken. */
export interface Roi {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What was stored of one RHEED chunk. */
export interface FrameChunk {
  index: number;
  /** Frames in it. */
  n: number;
  start_ms: number;
  end_ms: number;
  /** The clock correction that the stamps carry, null when none was told. */
  clock: { offset_ms: number; uncertainty_ms: number } | null;
  /** Bytes as uploaded. */
  bytes: number;
  /** How often it was uploaded. */
  uploads: number;
  /** Unix ms. */
  received_at: number;
  /** Mean gray level of its frames, 0–255. */
  mean: number;
}

/** What was stored of one timeseries chunk. */
export interface PointChunk {
  index: number;
  /** Rows of its longest channel. */
  rows: number;
  /** Points a channel. */
  points: Record<string, number>;
  /** Unix seconds of the first and the last row. */
  first: number;
  last: number;
  bytes: number;
  uploads: number;
  received_at: number;
}

export interface ChannelSummary {
  name: string;
  units: string | null;
  points: number;
  last_value: number | null;
  /** Unix seconds. */
  last_time: number;
}

/** A stream in a line: what the list on the page shows. */
export interface StreamSummary {
  data_id: string;
  kind: 'rheed' | 'timeseries';
  name: string | null;
  pipeline_status: PipelineStatus;
  sample: NamedItem | null;
  project: NamedItem | null;
  tags: NamedItem[];
  /** Unix ms. */
  created_at: number;
  last_data_at: number | null;
  ended_at: number | null;
  chunk_count: number;
  /** Chunk indices below the highest that never arrived, as [first, last] ranges. */
  missing: [number, number][];
  bytes: number;
  /** Frames or rows a second, as they arrived lately; 0 when nothing does. */
  rate: number;
  /** Grows whenever something about the stream changes. */
  revision: number;
  complaint_count: number;
  /** RHEED. */
  frames?: number;
  fps?: number;
  rotations_per_min?: number;
  azimuth?: string | null;
  chunk_size?: number | null;
  height?: number | null;
  width?: number | null;
  roi?: Roi | null;
  latest_chunk?: number | null;
  /** Timeseries. */
  points?: number;
  points_per_chunk?: number;
  synth_source_id?: number | null;
  channels?: ChannelSummary[];
}

/** A stream in full. */
export interface StreamState extends StreamSummary {
  chunks: (FrameChunk | PointChunk)[];
  /** Refusals that concerned this stream. */
  complaints: string[];
  /** What was accepted, but may not be what was meant. */
  warnings: string[];
}

/** Everything stored of a timeseries stream, channel by channel, in chunk order. */
export type Points = Record<
  string,
  { units: string | null; chunks: number[]; timestamps: number[]; values: (number | null)[] }
>;
