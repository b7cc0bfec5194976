#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { AtomscaleError } from '../uploader/errors.js';
import { exportStreams } from './export.js';
import { list } from './list.js';
import { discard, retry } from './quarantine.js';
import { COMMAND_HELP, type Command, HELP, UsageError } from './usage.js';
import { verify } from './verify.js';

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  all: { type: 'boolean' },
  to: { type: 'string' },
  format: { type: 'string' },
  quarantine: { type: 'boolean' },
  chunks: { type: 'string' },
  yes: { type: 'boolean' },
} as const;

type Option = Exclude<keyof typeof OPTIONS, 'help'>;

const ALLOWED: Readonly<Record<Command, readonly Option[]>> = {
  list: ['json'],
  verify: ['json', 'all'],
  export: ['to', 'format', 'quarantine'],
  retry: ['chunks'],
  discard: ['chunks', 'yes'],
};

/** Resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args);
  const [group, command, folder, ...more] = positionals;
  if (group === undefined || (values.help && command === undefined)) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (group !== 'spool' || command === undefined || !Object.hasOwn(COMMAND_HELP, command)) {
    const commands = Object.keys(COMMAND_HELP).join(', ');
    throw new UsageError(
      `expected "spool" and one of ${commands}, got "${positionals.join(' ')}"; --help tells more`,
    );
  }
  const known = command as Command;
  if (values.help) {
    console.log(COMMAND_HELP[known]);
    return 0;
  }
  for (const name of Object.keys(values) as Option[]) {
    if (!ALLOWED[known].includes(name))
      throw new UsageError(`${known} has no --${name}; "spool ${known} --help" tells what it has`);
  }
  if (more.length > 0)
    throw new UsageError(`expected one folder, got "${[folder, ...more].join('" and "')}"; use quotes`);
  switch (known) {
    case 'list':
      return list(folder, values);
    case 'verify':
      return verify(folder, values);
    case 'export':
      return exportStreams(folder, values);
    case 'retry':
      return retry(folder, values);
    case 'discard':
      return discard(folder, values);
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Who reads the output may stop doing so: `… | head`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    // What the disk refuses is no bug, either.
    const isExpected =
      error instanceof UsageError || error instanceof AtomscaleError || 'syscall' in (error as Error);
    console.error(isExpected ? (error as Error).message : (error as Error).stack);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
