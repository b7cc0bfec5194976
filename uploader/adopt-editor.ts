import { CHUNK_SETTINGS, differing } from './settings.js';
import type { RecordFile } from './spool/stream-record.js';
import type { Stream } from './stream.js';
import type { RawSettings } from './types.js';

/**
 * A stream's node is there again, perhaps edited: where the service was told something else than the editor now
 * says the stream is finalized; what only this side uses applies at once.
 */
export async function adoptEditor(
  stream: Pick<Stream, 'kind' | 'refused' | 'adopt' | 'finalize'>,
  record: RecordFile,
  editor: RawSettings,
): Promise<void> {
  const { settings, editor: before, removed_at } = record.data;
  if (removed_at !== null) {
    await record.update((data) => {
      data.removed_at = null;
    });
  }
  const edited = Object.keys(editor).filter(
    (name) => JSON.stringify(editor[name]) !== JSON.stringify(before[name]),
  );
  if (edited.length === 0) return;
  const next = { ...settings, ...pick(editor, edited) };
  const told = differing(stream.kind, settings, next);
  if (told.length > 0 && !stream.refused) {
    await stream.finalize();
    return;
  }
  // Chunks in the spool keep what they were made with: they go under the corrected name and sample, and end there.
  const made = told.filter((name) => CHUNK_SETTINGS.includes(name));
  await stream.adopt({ ...next, ...pick(settings, made) }, editor);
  if (made.length > 0) await stream.finalize();
}

const pick = (settings: RawSettings, names: readonly string[]): RawSettings =>
  Object.fromEntries(names.map((name) => [name, settings[name]]));
