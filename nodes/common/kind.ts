import type { NodeMessage } from 'node-red';
import type { Owner, RawSettings, StreamKind } from '../../uploader/types.js';
import type { AnyStream, Uploader } from '../../uploader/uploader.js';

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
   * @throws AtomscaleError
   */
  read(msg: NodeMessage, settings: RawSettings): Read<D> | Promise<Read<D>>;
  open(uploader: Uploader, request: OpenRequest): Promise<S>;
  push(stream: S, data: D): Promise<unknown>;
}

export interface Read<D> {
  readonly data: D | null;
  readonly skipped: number;
  /** False: it means something to an open stream only, and opens none. */
  readonly opens?: boolean;
}
