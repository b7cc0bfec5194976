import type { Node, NodeAPI, NodeMessage } from 'node-red';
import { AtomscaleError, SettingsError } from '../../uploader/errors.js';
import type { RawSettings, StatusEvent, StreamEvent } from '../../uploader/types.js';
import { UnderWay } from '../../uploader/under-way.js';
import type { AnyStream, Uploader } from '../../uploader/uploader.js';
import { type AccountNode, type AccountUser, isAccountNode } from './account.js';
import { dot, type Translate } from './dot.js';
import type { Read, StreamNodeKind } from './kind.js';
import { asIllegible, legible } from './legible.js';
import {
  nothingOpen,
  type Opener,
  openerFromDisk,
  openerOf,
  statusMessage,
  streamMessage,
} from './messages.js';
import {
  attendQuarantine,
  type ListedChunk,
  QUARANTINE_ACTIONS,
  type QuarantineAction,
  readChunks,
} from './quarantine.js';
import { type Done, Refusals } from './refusals.js';
import { type Action, readAction, readSettings, readStreamKey } from './request.js';
import { Sequences } from './sequences.js';
import { type Followed, StreamTable } from './stream-table.js';
import { WaitingRoom } from './waiting-room.js';
import { within } from './within.js';

/** How often the dot may change, ms. */
const DOT_INTERVAL = 1000;
/** How long a closing node waits for data that is on its way to the disk, ms; Node-RED allows 15 s in all. */
const CLOSE_WAIT = 8000;
/** And for its streams to be synced, ms. */
const SYNC_WAIT = 5000;

/** A stream node at work: messages in, streams of the uploader, messages out, the dot. */
export class StreamNode<S extends AnyStream, D> implements AccountUser {
  readonly #RED: NodeAPI;
  readonly #node: Node;
  readonly #kind: StreamNodeKind<S, D>;
  readonly #editor: RawSettings;
  readonly #autoStart: boolean;
  readonly #account: AccountNode | null;
  readonly #streams: StreamTable<S>;
  /** Steps of each stream, by its key; the first waits for the account's answer. */
  readonly #sequences = new Sequences();
  readonly #room = new WaitingRoom();
  readonly #refusals: Refusals;
  /** Messages whose work is not done. */
  readonly #unanswered = new UnderWay();
  readonly #dotTimer: NodeJS.Timeout;
  /** Settles when the account has answered for the first time, or the node closes. */
  readonly #accountKnown: Promise<void>;
  #accountIsKnown: () => void = () => {};
  #uploader: Uploader | null = null;
  #failure: AtomscaleError | null = null;
  #skipped = 0;
  #closing = false;
  #shown = '';

  constructor(
    RED: NodeAPI,
    node: Node,
    account: Node | null,
    editor: RawSettings,
    kind: StreamNodeKind<S, D>,
  ) {
    this.#RED = RED;
    this.#node = node;
    this.#kind = kind;
    this.#refusals = new Refusals(RED, node);
    this.#editor = editor;
    this.#autoStart = editor.autoStart !== false;
    this.#accountKnown = new Promise((resolve) => {
      this.#accountIsKnown = resolve;
    });
    this.#streams = new StreamTable<S>({
      stream: (followed, event) => this.#tellStream(followed, event),
      status: (followed, event) => this.#tellStatus(followed.opener, event),
      problem: ({ opener, owner }, error) =>
        node.error(error, this.#clone({ ...opener, stream: owner.stream })),
    });
    this.#account = isAccountNode(account) ? account : null;
    const missing = 'account: expected an Atomscale account, got none; choose one';
    if (this.#account) this.#account.join(this);
    else this.unavailable(new SettingsError('account', missing));
    this.#dotTimer = setInterval(() => this.#tick(), DOT_INTERVAL);
    this.#showDot();
  }

  ready(uploader: Uploader): void {
    this.#failure = null;
    this.#uploader = uploader;
    // Those of an uploader that was lost are found again by this one.
    this.#streams.clear();
    for (const stream of uploader.attach(this.#node.id, this.#kind.kind, this.#editor)) {
      // An uploader gives a node streams of the kind it asked for only.
      this.#streams.follow(stream as S, openerFromDisk(stream.topic, stream.owner.stream), true);
    }
    this.#accountIsKnown();
  }

  unavailable(error: AtomscaleError): void {
    if (this.#failure?.message !== error.message) this.#node.error(error);
    this.#failure = error;
    this.#accountIsKnown();
  }

  /** Takes one message; `nodeDone` is called exactly once, whatever comes. */
  input(msg: NodeMessage, nodeDone: Done): void {
    const done = this.#refusals.once(msg, nodeDone);
    try {
      const [action, key] = legible(() => [readAction(msg), readStreamKey(msg)] as const);
      this.#holdUntilKnown(key);
      const leave = this.#sequences.isHeld(key) ? this.#enterRoom(key, msg) : undefined;
      this.#sequences.run(key, () => {
        leave?.();
        try {
          if (!action) return this.#take(key, msg, done);
          this.#refuseWhenUnusable();
          return this.#act(action, key, msg, done);
        } catch (error) {
          done(asError(error));
          return undefined;
        }
      });
    } catch (error) {
      done(asError(error));
    }
  }

  /** Streams go on without the node: at a redeploy the next one finds them again. */
  async close(removed: boolean): Promise<void> {
    this.#closing = true;
    clearInterval(this.#dotTimer);
    this.#accountIsKnown();
    await within(CLOSE_WAIT, this.#settled());
    this.#streams.clear();
    try {
      const detached = this.#uploader?.detach(this.#node.id, removed);
      if (detached) await within(SYNC_WAIT, detached);
    } finally {
      this.#kind.close?.();
      this.#refusals.close();
      this.#account?.leave(this);
    }
  }

  #holdUntilKnown(key: string): void {
    if (this.#uploader || this.#failure || this.#sequences.isHeld(key)) return;
    this.#sequences.run(key, () => this.#accountKnown);
  }

  /** Lets a message wait for its turn; of one that must not, its turn takes note all the same. */
  #enterRoom(key: string, msg: NodeMessage): () => void {
    try {
      return legible(() => this.#room.enter(msg.payload));
    } catch (error) {
      const missed = this.#missed(msg);
      this.#sequences.run(key, () => {
        missed?.(this.#settings(key), key);
        return undefined;
      });
      throw error;
    }
  }

  /** What cannot be read has no place in a byte stream. */
  #missed(msg: NodeMessage): ReturnType<NonNullable<StreamNodeKind<S, D>['missed']>> | undefined {
    try {
      return this.#kind.missed?.(msg);
    } catch {
      return undefined;
    }
  }

  #refuseWhenUnusable(): void {
    if (this.#closing) {
      throw new AtomscaleError(
        'ERR_SPOOL',
        'closing: expected a running node, got a message while it closes; send it again',
      );
    }
    if (this.#failure) throw this.#failure;
  }

  #act(action: Action, key: string, msg: NodeMessage, done: Done): Promise<unknown> | undefined {
    if (action === 'start') return this.#start(key, msg, done);
    if (isQuarantineAction(action)) {
      const chunks = legible(() => readChunks(msg));
      void this.#answer(this.#attend(action, key, msg, chunks), done);
      return undefined;
    }
    const followed = this.#streams.latest(key);
    if (!followed) {
      const spoolBytes = this.#uploader?.spoolBytes ?? 0;
      this.#tellStatus(this.#opener(msg), nothingOpen(this.#kind.kind, key, spoolBytes));
      done();
      return undefined;
    }
    const { stream, opener } = followed;
    const isOver = !stream.open || (action === 'finalize' && !followed.begun);
    if (action === 'status' || isOver) this.#tellStatus(opener, stream.status());
    if (action === 'status' || !stream.open) {
      done();
      return undefined;
    }
    if (action === 'finalize') this.#kind.ended?.(key);
    const work = action === 'flush' ? stream.flush() : stream.finalize();
    const answered = this.#answer(work, done);
    // What comes after a finalize belongs to the next stream; a flush holds nothing back.
    return action === 'finalize' ? answered : undefined;
  }

  /** Tells afterwards what is in quarantine. */
  async #attend(
    action: QuarantineAction,
    key: string,
    msg: NodeMessage,
    chunks: readonly number[] | undefined,
  ): Promise<void> {
    const uploader = this.#uploader as Uploader;
    const owner = { node: this.#node.id, stream: key };
    const opener = this.#opener(msg);
    const { listed, revived } = await attendQuarantine(uploader, action, owner, chunks);
    if (!this.#closing) for (const stream of revived) this.#streams.follow(stream as S, opener, true);
    const status =
      this.#streams.latest(key)?.stream.status() ?? nothingOpen(this.#kind.kind, key, uploader.spoolBytes);
    this.#tellStatus(opener, { ...status, quarantine: listed });
  }

  #start(key: string, msg: NodeMessage, done: Done): Promise<unknown> | undefined {
    const given = this.#settingsOf(msg);
    const followed = this.#streams.open(key);
    if (!followed) return this.#answer(this.#open(key, msg, false), done);
    const { stream } = followed;
    const differing = stream.differs({ ...stream.settings, ...given });
    const [first] = differing;
    if (first !== undefined && stream.refused) {
      // The service knows nothing of this stream yet: corrected settings open it.
      const adopted = stream.adopt({ ...stream.settings, ...given }, this.#editor);
      return adopted.then(
        () => done(),
        (error: unknown) => done(asError(error)),
      );
    }
    if (first !== undefined) {
      throw new SettingsError(
        first,
        `msg.settings: expected those of the open stream, got another ${differing.join(', ')}; finalize it first`,
      );
    }
    if (!followed.begun) return this.#answer(stream.begin(), done);
    stream.announce();
    done();
    return undefined;
  }

  /** Data: read against the settings of its stream, then stored; opening and JSONata hold back what follows. */
  #take(key: string, msg: NodeMessage, done: Done): Promise<unknown> | undefined {
    const stream = this.#streams.open(key)?.stream;
    let settings: RawSettings;
    try {
      this.#refuseWhenUnusable();
      if (!stream && !this.#autoStart) {
        throw new AtomscaleError(
          'ERR_NOT_STARTED',
          "expected an open stream, got data; send msg.action 'start' first, or let data start the stream",
        );
      }
      settings = stream?.settings ?? { ...this.#editor, ...this.#settingsOf(msg) };
    } catch (error) {
      this.#missed(msg)?.(this.#settings(key), key);
      throw error;
    }
    const read = legible(() => this.#kind.read(msg, settings, key));
    if (!(read instanceof Promise)) return this.#store(key, msg, read, done);
    return read.then(
      (later) => this.#store(key, msg, later, done),
      (error) => done(asIllegible(error)),
    );
  }

  #store(
    key: string,
    msg: NodeMessage,
    { data, skipped, opens = true }: Read<D>,
    done: Done,
  ): Promise<unknown> | undefined {
    this.#skipped += skipped;
    const open = this.#streams.open(key);
    if (data === null || !(open || opens)) {
      done();
      return undefined;
    }
    if (open) {
      this.#push(open.stream, data, done);
      return undefined;
    }
    return this.#open(key, msg, true).then(
      (stream) => this.#push(stream, data, done),
      (error) => done(asError(error)),
    );
  }

  async #open(key: string, msg: NodeMessage, onFirstData: boolean): Promise<S> {
    const uploader = this.#uploader;
    if (!uploader) throw new AtomscaleError('ERR_SPOOL', 'expected an open spool, got none; send it again');
    const settings = { ...this.#editor, ...this.#settingsOf(msg) };
    const opener = this.#opener(msg);
    const owner = { node: this.#node.id, stream: key };
    const topic = legible(() => (typeof msg.topic === 'string' ? msg.topic : undefined));
    const request = { owner, settings, editor: this.#editor, topic, onFirstData };
    const stream = await this.#kind.open(uploader, request);
    if (!this.#closing) this.#streams.follow(stream, opener, !onFirstData);
    return stream;
  }

  /** Called in the turn of the message: its bytes are copied before this returns. */
  #push(stream: S, data: D, done: Done): void {
    void this.#answer(this.#kind.push(stream, data), done);
  }

  /** Ends a message as the work for it ends; a closing node waits for that. */
  #answer(work: Promise<unknown>, done: Done): Promise<void> {
    this.#unanswered.began();
    const ended = (error?: Error) => {
      this.#unanswered.ended();
      done(error);
    };
    return work.then(
      () => ended(),
      (error: unknown) => ended(asError(error)),
    );
  }

  /** Waits for openings and pushes under way. */
  async #settled(): Promise<void> {
    await this.#sequences.settled();
    await this.#unanswered.none();
  }

  /** Those of the open stream, else the editor's. */
  #settings(key: string): RawSettings {
    return this.#streams.open(key)?.stream.settings ?? this.#editor;
  }

  /** Copied: what a message's own objects become later is not the stream's. */
  #settingsOf(msg: NodeMessage): RawSettings {
    return legible(() => this.#RED.util.cloneMessage({ ...readSettings(msg, this.#kind.settingNames) }));
  }

  #opener(msg: NodeMessage): Opener {
    return legible(() => openerOf(msg, this.#clone));
  }

  readonly #clone = <T extends NodeMessage>(msg: T): T => this.#RED.util.cloneMessage(msg);

  #tellStream({ opener, owner }: Followed<S>, event: StreamEvent): void {
    this.#node.send([streamMessage(opener, owner.stream, event, this.#clone), null]);
  }

  #tellStatus(opener: Opener, event: StatusEvent & { quarantine?: readonly ListedChunk[] }): void {
    const facts = this.#kind.facts?.(event.stream);
    this.#node.send([null, statusMessage(opener, { ...event, ...facts }, this.#clone)]);
  }

  #tick(): void {
    this.#kind.tick?.();
    this.#showDot();
  }

  #showDot(): void {
    const translate: Translate = (key, values) => this.#RED._(`${this.#node.type}.${key}`, values ?? {});
    const health = {
      failure: this.#failure,
      streams: this.#streams.health(),
      skipped: this.#skipped,
      refused: this.#refusals.count,
      remarks: this.#kind.remarks?.() ?? [],
    };
    const status = dot(health, translate);
    const shown = JSON.stringify(status);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#node.status(status);
  }
}

const isQuarantineAction = (action: Action): action is QuarantineAction =>
  (QUARANTINE_ACTIONS as readonly string[]).includes(action);

function asError(error: unknown): Error {
  return error instanceof Error ? error : new AtomscaleError('ERR_NATIVE', String(error), { cause: error });
}
