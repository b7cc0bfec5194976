import { AtomscaleError, SettingsError } from '../../uploader/errors.js';
import type { RawSettings } from '../../uploader/types.js';
import { describe, isRecord, type Message } from './kinds.js';
import { textOf } from './legible.js';
import { QUARANTINE_ACTIONS } from './quarantine.js';

const ACTIONS = ['start', 'flush', 'finalize', 'status', ...QUARANTINE_ACTIONS] as const;
export type Action = (typeof ACTIONS)[number];

/**
 * What the message asks for: an action, or null when its payload is data.
 *
 * @throws AtomscaleError ERR_ACTION
 */
export function readAction(msg: Message): Action | null {
  const { action } = msg;
  if (action === undefined || action === null || action === '') return null;
  const known = ACTIONS.find((name) => name === action);
  if (known) return known;
  throw new AtomscaleError(
    'ERR_ACTION',
    `msg.action: expected one of ${ACTIONS.join(', ')}, or none for data, got ${describe(action)}`,
  );
}

/**
 * Which of the node's streams the message is for; '' when it does not say.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function readStreamKey(msg: Message): string {
  const { stream } = msg;
  if (stream === undefined || stream === null) return '';
  if (typeof stream === 'string') return stream;
  throw new SettingsError(
    'stream',
    `msg.stream: expected a string that names a stream, got ${describe(stream)}`,
  );
}

/**
 * `msg.settings`, which override the editor's by the same names.
 *
 * @param known the names a node of this type has
 * @throws SettingsError ERR_SETTINGS
 */
export function readSettings(msg: Message, known: readonly string[]): RawSettings {
  const { settings } = msg;
  if (settings === undefined || settings === null) return {};
  if (!isRecord(settings)) {
    throw new SettingsError(
      'settings',
      `msg.settings: expected an object of settings, got ${describe(settings)}`,
    );
  }
  const stranger = Object.keys(settings).find((name) => !known.includes(name));
  if (stranger === undefined) {
    refuseUnstorable(settings);
    return settings;
  }
  throw new SettingsError(
    stranger,
    `msg.settings.${stranger}: expected one of ${known.join(', ')}; correct its name`,
  );
}

/** Settings live in the stream's record: a loop in them, a BigInt or a getter that throws cannot. */
function refuseUnstorable(settings: object): void {
  try {
    JSON.stringify(settings);
  } catch (error) {
    throw new SettingsError(
      'settings',
      `msg.settings: expected texts, numbers and lists of them, got what cannot be stored (${textOf(error)})`,
    );
  }
}

/** The editor's settings by the contracts' names, without what Node-RED itself keeps in a node. */
export function pickSettings(config: object, names: readonly string[]): RawSettings {
  const values = config as Record<string, unknown>;
  return Object.fromEntries(
    names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]),
  );
}
