import type { Context } from './context.js';
import { AtomscaleError } from './errors.js';
import type { Quarantine } from './spool/quarantine.js';
import type { RecordFile } from './spool/stream-record.js';
import { StreamEvents } from './stream-events.js';
import { healthOf, reportOf, type Snapshot, statusOf } from './stream-reports.js';
import { Trouble } from './trouble.js';
import type {
  Owner,
  RawSettings,
  Report,
  StatusEvent,
  StreamEvent,
  StreamHealth,
  StreamKind,
} from './types.js';
import { Watch } from './watch.js';

/** What a stream knows of itself, and tells: events, status, health, report. */
export abstract class StreamState extends StreamEvents {
  abstract readonly kind: StreamKind;
  protected readonly context: Context;
  readonly record: RecordFile;
  /** What could be neither delivered nor read. */
  readonly quarantine: Quarantine;
  protected readonly watch = new Watch();
  protected readonly trouble: Trouble;
  /** The trouble of this process was told. */
  #told = false;
  #lastError: AtomscaleError | undefined;

  constructor(context: Context, record: RecordFile, quarantine: Quarantine) {
    super(context.log);
    this.context = context;
    this.record = record;
    this.quarantine = quarantine;
    this.trouble = new Trouble(record, context.log);
    this.#lastError = this.trouble.error;
  }

  get owner(): Owner {
    return this.record.data.owner;
  }

  /** All settings of the stream, the node's own ones among them. */
  get settings(): RawSettings {
    return this.record.data.settings;
  }

  get topic(): string | undefined {
    return this.record.data.topic;
  }

  get folder(): string {
    return this.record.folder;
  }

  /** Null before the service has answered. */
  get dataId(): string | null {
    return this.record.generation.data_id;
  }

  /** False from the finalize intent on: the next data or start opens another stream. */
  get open(): boolean {
    return this.record.data.finalize === 'no';
  }

  /** Opening was refused: corrected settings open it again. */
  get refused(): boolean {
    return this.record.generation.opening === 'refused';
  }

  /** Frames or points accepted and not yet sealed. */
  protected abstract get openItems(): number;
  /** Chunks that wait or are under way, and the frames or points in them. */
  protected abstract get waitingChunks(): { readonly chunks: number; readonly items: number };

  /** Tells the current state again. */
  announce(): void {
    this.tellStream('started');
    if (this.dataId !== null) this.tellStream('opened');
  }

  /** Milliseconds since data came. */
  get quietFor(): number {
    return this.watch.quietFor();
  }

  /** What went wrong last, until it goes right again. */
  get lastError(): AtomscaleError | undefined {
    return this.#lastError;
  }

  status(): StatusEvent {
    return statusOf(this.#snapshot(), 'status');
  }

  health(): StreamHealth {
    return healthOf(this.#snapshot());
  }

  report(): Report {
    return reportOf(this.#snapshot(), this.quarantine.chunks);
  }

  // ── what happens to it ──────────────────────────────────────────────────────────────────────────────────

  /** A call got through: whatever was waiting goes on. */
  protected cameThrough(): void {
    this.context.access.worked();
    if (this.trouble.since === null) return;
    this.trouble.over();
    this.#told = false;
    this.#lastError = undefined;
    this.tellStatus('resumed');
  }

  protected quarantined(chunkIndex: number, error: AtomscaleError): void {
    this.#lastError = error;
    this.tellStatus('quarantined', chunkIndex);
    this.tell('problem', error);
  }

  protected opened(): void {
    const [previous] = this.record.data.generations.slice(-2, -1);
    this.cameThrough();
    if (previous?.data_id) this.tellStream('continued', { previous_data_id: previous.data_id });
    else this.tellStream('opened');
  }

  /** The service refuses the settings. */
  protected failed(error: AtomscaleError): void {
    this.#lastError = error;
    this.trouble.failed(error);
    this.tellStream('failed', { error: { code: error.code, message: error.message } });
    this.tell('problem', error);
  }

  /** A call, or the disk, failed for now; gives the milliseconds until the next try. */
  protected waiting(error: unknown): number {
    const known = error instanceof AtomscaleError ? error : new AtomscaleError('ERR_API', String(error));
    this.#lastError = known;
    const wait = this.trouble.failed(known);
    if (!this.#told) {
      this.#told = true;
      this.tellStatus('waiting');
      this.context.log.warn(`stream ${this.dataId ?? '(not open yet)'} waits: ${known.message}`);
    }
    return wait;
  }

  protected tellStream(event: StreamEvent['event'], more: Partial<StreamEvent> = {}): void {
    this.tell('stream', { event, data_id: this.dataId, settings: this.settings, ...more });
  }

  protected tellStatus(event: StatusEvent['event'], chunkIndex?: number): void {
    this.tell('status', statusOf(this.#snapshot(), event, chunkIndex));
  }

  #snapshot(): Snapshot {
    const { chunks, items } = this.waitingChunks;
    return {
      data: this.record.data,
      quarantined: this.quarantine.size,
      dataId: this.dataId,
      items: this.record.data.counts.items + this.quarantine.items + items + this.openItems,
      pending: chunks,
      spoolBytes: this.context.budget.bytes,
      rate: this.watch.rate,
      silentSince: this.watch.silentSince,
      waitingSince: this.trouble.since,
      paused: this.context.access.refusal,
      error: this.#lastError,
    };
  }
}
