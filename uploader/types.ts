/** The words that nodes, uploader and library share. Names are those of the contracts. */

export type StreamKind = 'rheed' | 'timeseries';

/** Who opened a stream: a Node-RED node and its `msg.stream`, by which it finds its streams again. */
export interface Owner {
  readonly node: string;
  readonly stream: string;
}

/** Settings as the editor or `msg.settings` give them; checked by `settings.ts`. */
export type RawSettings = Readonly<Record<string, unknown>>;

/** What the service is told when a RHEED stream opens. */
export interface RheedSettings {
  /** Frames per second, 0 < fps ≤ 120. */
  readonly fps: number;
  /** Rotations per minute, 0 = parked. */
  readonly rotationsPerMin: number;
  /** Frames per chunk, ≥ ceil(2·fps). */
  readonly chunkSize: number;
  readonly streamName: string | null;
  /** Name or UUID. */
  readonly physicalSample: string | null;
  readonly projectId: string | null;
  /** Names or UUIDs. */
  readonly tags: readonly string[];
  /** Only with rotationsPerMin 0. */
  readonly azimuth: string | null;
  /** Of each frame: the fewest bytes for the least time, time or bytes before all, or a level of zstd. */
  readonly compression: 'auto' | 'fast' | 'small' | number;
  /** Seconds without data after which the stream is finalized, 0 = never. */
  readonly idleTimeout: number;
}

/** What the service is told when a timeseries stream opens, and how its rows are made. */
export interface TimeseriesSettings {
  readonly streamName: string | null;
  readonly synthSourceId: number | null;
  readonly physicalSample: string | null;
  readonly projectId: string | null;
  readonly tags: readonly string[];
  /** Rows per chunk. */
  readonly pointsPerChunk: number;
  /** Seconds between early sends of the open chunk, 0 = only full chunks. */
  readonly flushInterval: number;
  /** Milliseconds within which readings of different channels, stamped on arrival, share a row. */
  readonly rowWindow: number;
  /** What a channel without a new reading has in a row. */
  readonly fill: 'hold' | 'gap';
  readonly idleTimeout: number;
}

/** How raw bytes become gray8 frames. */
export interface FrameSpec {
  /** `auto`, `image`, or a GenICam name in lower case. */
  format: string;
  /** Pixels; 0 = not given. */
  width: number;
  height: number;
  /** Bytes before the pixels of each raw frame, which are skipped. */
  headerBytes: number;
  bigEndian: boolean;
  /** Raw 16-bit samples are filled from the most significant bit. */
  msbAligned: boolean;
  /** Bits that carry signal in a sample of more than 8 bits, 8–16; 0 = as the format or the image says. */
  significantBits: number;
  depth: 'full-scale' | 'frame-max' | 'window';
  /** Ends of the window in raw counts, for depth `window`. */
  low: number;
  high: number;
  /** None: the whole frame, as it is. */
  region?: Region;
}

/** What of a gray frame is kept: cut out, then binned, then flipped. */
export interface Region {
  /** First column and row. */
  x: number;
  y: number;
  /** Pixels; 0 = up to the frame's edge. */
  width: number;
  height: number;
  /** Side of the squares whose truncated mean becomes a pixel. */
  bin: number;
  flip: 'none' | 'horizontal' | 'vertical' | 'both';
}

/** Frames of one message, as they came. */
export interface FrameBatch {
  /** Each part holds whole frames; the caller's bytes are copied during the call. */
  readonly parts: readonly Uint8Array[];
  readonly spec: FrameSpec;
  /** Capture times, Unix ms: none = stamped on arrival, one = of the first frame, else one a frame. */
  readonly stamps: readonly number[];
}

/** One value of one channel. */
export interface Reading {
  readonly channel: string;
  /** Unix seconds; null = stamped on arrival. */
  readonly time: number | null;
  /** null = the sensor says "no reading": ends the channel's hold. */
  readonly value: number | null;
  readonly units?: string;
}

/** What became of a stream. `lost` lists chunk index and reason. */
export interface Report {
  chunks_spooled: number;
  chunks_uploaded: number;
  chunks_quarantined: number;
  chunks_dropped: number;
  frames?: number;
  points?: number;
  bytes: number;
  lost: [number, string][];
}

/** Output 1 of a node. */
export interface StreamEvent {
  readonly event: 'started' | 'opened' | 'continued' | 'finalized' | 'failed';
  readonly data_id: string | null;
  /** With `continued`: the stream that the service had closed. */
  readonly previous_data_id?: string;
  readonly settings: RawSettings;
  readonly report?: Report;
  readonly error?: { code: string; message: string };
}

/** Output 2 of a node. */
export interface StatusEvent {
  readonly event:
    | 'chunk'
    | 'waiting'
    | 'resumed'
    | 'silent'
    | 'drained'
    | 'dropped'
    | 'quarantined'
    | 'status';
  readonly stream: string;
  /** It takes data; false from its finalize on, or when there is none. */
  readonly open: boolean;
  readonly data_id: string | null;
  readonly chunk_index?: number;
  /** Accepted so far. */
  readonly frames?: number;
  readonly points?: number;
  readonly chunks_pending: number;
  readonly chunks_uploaded: number;
  /** Bytes of this account's spool. */
  readonly spool_bytes: number;
  readonly bytes_uploaded: number;
  /** Frames or rows a second over the last seconds. */
  readonly rate: number;
  readonly error?: { code: string; message: string };
}

/** What a node's dot shows. */
export interface StreamHealth {
  readonly phase:
    | 'opening'
    | 'streaming'
    | 'silent'
    | 'waiting'
    | 'paused'
    | 'failed'
    | 'finalizing'
    | 'finalized';
  /** When this phase began, Unix ms. */
  readonly since: number;
  readonly rate: number;
  /** Declared frames a second; none of readings. */
  readonly fps?: number;
  readonly chunks_pending: number;
  readonly chunks_uploaded: number;
  readonly chunks_quarantined: number;
  readonly error?: { code: string; message: string };
}
