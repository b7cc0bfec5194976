/**
 * Every error this project raises: a class with a stable `code`, the facts as fields, and a text that names
 * what was expected, what came, and what to do.
 */

export type ErrorCode =
  | 'ERR_FRAME_SHAPE'
  | 'ERR_FRAME_FORMAT'
  | 'ERR_SETTINGS'
  | 'ERR_NOT_STARTED'
  | 'ERR_SPOOL_FULL'
  | 'ERR_SPOOL'
  | 'ERR_OVERLOAD'
  | 'ERR_CHANNEL'
  | 'ERR_VALUE'
  | 'ERR_ACTION'
  | 'ERR_AUTH'
  | 'ERR_API'
  | 'ERR_NATIVE';

/** Base of all errors; `code` is stable, `message` is for people. */
export class AtomscaleError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AtomscaleError';
    this.code = code;
  }
}

/** A setting the service or the spool cannot work with. `setting` is its name in the contracts. */
export class SettingsError extends AtomscaleError {
  readonly setting: string;

  constructor(setting: string, message: string) {
    super('ERR_SETTINGS', message);
    this.name = 'SettingsError';
    this.setting = setting;
  }
}

/** An answer (or none) of the service. `status` is the HTTP status, undefined when no answer came. */
export class ApiError extends AtomscaleError {
  readonly status: number | undefined;
  /** The call, as `METHOD /path` without query; never a key, never a presigned URL. */
  readonly call: string;
  /** What the service said, parsed when it was JSON. */
  readonly detail: unknown;
  /** Seconds the service asked to wait (Retry-After), when it did. */
  readonly retryAfter: number | undefined;

  constructor(
    call: string,
    message: string,
    facts: { status?: number; detail?: unknown; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(facts.status === 401 ? 'ERR_AUTH' : 'ERR_API', message, { cause: facts.cause });
    this.name = 'ApiError';
    this.call = call;
    this.status = facts.status;
    this.detail = facts.detail;
    this.retryAfter = facts.retryAfter;
  }
}

/** The spool could not take or give back data. */
export class SpoolError extends AtomscaleError {
  /** The file or folder concerned. */
  readonly path: string;

  constructor(
    code: 'ERR_SPOOL' | 'ERR_SPOOL_FULL',
    path: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(code, message, options);
    this.name = 'SpoolError';
    this.path = path;
  }
}
