import type { NodeMessage } from 'node-red';
import type { Owner, RawSettings, StreamKind } from '../../uploader/types.js';
import type { AnyStream, Uploader } from '../../uploader/uploader.js';
import type { Remark } from './dot.js';

/** What a stream is opened with. */
export interface OpenRequest {
  readonly owner: Owner;
  /** The editor's settings, overridden by the message's. */
  readonly settings: RawSettings;
  readonly editor: RawSettings;
  readonly topic: string | undefined;
  /** The service is told when the first data was accepted, not before. */
  readonly onFirstData: boolean;
}

/** What the two kinds of stream node do differently. */
export interface StreamNodeKind<S extends AnyStream, D> {
  readonly kind: StreamKind;
  /** Names of all settings a message may override. */
  readonly settingNames: readonly string[];
  /**
   * Checks a message and makes data of it. `skipped` counts what was no data and no error; `data` is null
   * when nothing is left.
   *
   * @param stream `msg.stream`, '' when it has none
   * @throws AtomscaleError
   */
  read(msg: NodeMessage, settings: RawSettings, stream: string): Read<D> | Promise<Read<D>>;
  /**
   * Data is refused before it is read. In a byte stream its bytes still have their place: what is returned takes
   * note of them, to be called in their turn. It keeps nothing of the message.
   */
  missed?(msg: NodeMessage): (settings: RawSettings, stream: string) => void;
  /** What came so far under this `msg.stream` ends here: a stream is finalized. */
  ended?(stream: string): void;
  /** What a status message about this stream says beside what the uploader knows. */
  facts?(stream: string): Readonly<Record<string, number>>;
  /** What the dot says beside the state of the streams. */
  remarks?(): readonly Remark[];
  /** Once a second. */
  tick?(): void;
  /** The node closes: no more messages come. */
  close?(): void;
  open(uploader: Uploader, request: OpenRequest): Promise<S>;
  push(stream: S, data: D): Promise<unknown>;
}

export interface Read<D> {
  readonly data: D | null;
  readonly skipped: number;
  /** False: it means something to an open stream only, and opens none. */
  readonly opens?: boolean;
}
