import type { Access } from './access.js';
import type { ApiClient } from './api/client.js';
import type { Clock } from './clock.js';
import type { Delivery } from './delivery.js';
import type { Logger } from './log.js';
import type { Budget } from './spool/budget.js';
import type { KeptChunks } from './spool/kept.js';

/** What an account's streams share. */
export interface Context {
  readonly api: ApiClient;
  readonly clock: Clock;
  readonly access: Access;
  readonly delivery: Delivery;
  readonly budget: Budget;
  readonly kept: KeptChunks;
  readonly log: Logger;
  /** Aborted when the uploader closes: loops end, what is on disk stays. */
  readonly closing: AbortSignal;
}
