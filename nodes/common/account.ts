import type { Node } from 'node-red';
import type { AtomscaleError } from '../../uploader/errors.js';
import type { Uploader } from '../../uploader/uploader.js';

/** A stream node, as its account node sees it. */
export interface AccountUser {
  /** The spool is open and recovered; called again should the account have been lost in between. */
  ready(uploader: Uploader): void;
  /** The account cannot be used; tried again by the account itself when that can help. */
  unavailable(error: AtomscaleError): void;
}

/** The config node `atomscale-account`, as stream nodes see it. */
export interface AccountNode extends Node {
  /** Registers a user; the first one opens the spool. Answers later, never during the call. */
  join(user: AccountUser): void;
  /** To be called when the user's streams are detached: the account closes after its last user. */
  leave(user: AccountUser): void;
}

/** Whether a node found by id is an account: it may be missing, disabled or of another type. */
export function isAccountNode(node: Node | null | undefined): node is AccountNode {
  return node?.type === 'atomscale-account' && typeof (node as Partial<AccountNode>).join === 'function';
}
