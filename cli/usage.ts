/** What is printed for `--help`, and how wrong use is met. */

export class UsageError extends Error {}

const NAME = 'npx @rheed/node-red-atomscale spool';

const FOLDER = `[folder] is a spool (atomscale-spool in the user folder of Node-RED), the folder of one account in it, or
of one stream. Without it: ~/.node-red/atomscale-spool, else ./atomscale-spool, else ~/.atomscale/spool.`;

const EXIT = 'Exit code: 0 fine, 1 damage found or nothing matched, 2 wrong use.';

export const HELP = `${NAME} <command> [folder] [options]

What the Atomscale nodes keep on disk until it is delivered; Node-RED may be running or not.

  list      accounts and streams, what waits and why, what is in quarantine
  verify    reads everything and says whether it is whole; changes nothing
  export    writes streams as Zarr, TIFF or CSV
  retry     sends chunks in quarantine again
  discard   deletes chunks in quarantine for good

${FOLDER}

"${NAME} <command> --help" tells the options of a command.
${EXIT}`;

export const COMMAND_HELP = {
  list: `${NAME} list [folder] [--json]

Accounts, and whether a process uses them; streams with what waits, since when and why; chunks in quarantine
with the reason; delivered chunks that are kept.

  --json   the same for programs

${FOLDER}`,
  verify: `${NAME} verify [folder] [--all] [--json]

Reads every file and compares every checksum; decodes every frame. Changes nothing.

  whole      as it was written
  torn       an open chunk whose last records were being written when the process ended; the next start
             of Node-RED cuts them off
  damaged    changed or cut on the disk, and where

  --all    names whole chunks, too
  --json   the same for programs

${FOLDER}
${EXIT}`,
  export: `${NAME} export [folder] --to <folder> [options]

Writes what is on disk of a stream, the open chunk and kept chunks among it, into a new or empty folder;
several streams into a folder each. Of damaged chunks, what can be read is written; each is named.

  --to <folder>     where to
  --format zarr     RHEED: frames.zarr, a Zarr v3 group with frames[n, y, x], time[n] and chunk[n] (default)
  --format tiff     RHEED: a TIFF a frame, and frames.csv with their times
  --format csv      timeseries: readings.csv, a row a time, a column a channel (default)
  --quarantine      chunks in quarantine, too

Times are those of this computer's clock, Unix seconds (UTC).

${FOLDER}
${EXIT}`,
  retry: `${NAME} retry [folder] [--chunks 3,5-9]

Takes chunks out of quarantine and sends them again: at once when Node-RED is running, else at its next start.
A stream that has ended meanwhile is continued by another one for them.

  --chunks   indexes as "list" shows them; without it all. For one stream's folder

${FOLDER}
${EXIT}`,
  discard: `${NAME} discard [folder] [--chunks 3,5-9] --yes

Deletes chunks in quarantine. There is no way back: look at them first ("export --quarantine").

  --chunks   indexes as "list" shows them; without it all. For one stream's folder
  --yes      without it, nothing is deleted and what would be is told

${FOLDER}
${EXIT}`,
} as const;

export type Command = keyof typeof COMMAND_HELP;
