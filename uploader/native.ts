import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Native from '../native/index.js';
import { AtomscaleError, type ErrorCode, SpoolError } from './errors.js';

export type {
  ChunkPart,
  ChunkWriter,
  FolderLock,
  PushResult,
  RecoveredChunk,
  SealedChunk,
} from '../native/index.js';

let loaded: typeof Native | AtomscaleError | undefined;

/**
 * The native core. Loaded at first use, never at require time, so that nodes register without it.
 *
 * @throws AtomscaleError ERR_NATIVE naming platform, C library, cause and remedy
 */
export function native(): typeof Native {
  loaded ??= load();
  if (loaded instanceof AtomscaleError) throw loaded;
  return loaded;
}

function load(): typeof Native | AtomscaleError {
  const platform = platformName();
  if (process.arch === 'arm' && armVersion() < 7) {
    return new AtomscaleError(
      'ERR_NATIVE',
      `the native core needs ARMv7 or later, this processor is ARMv${armVersion()}; use a Raspberry Pi 2 or newer`,
    );
  }
  const file = join(__dirname, '..', 'native', `atomscale.${platform}.node`);
  const pack = `@rheed/node-red-atomscale-${platform}`;
  try {
    return createRequire(__filename)(existsSync(file) ? file : pack) as typeof Native;
  } catch (cause) {
    return new AtomscaleError(
      'ERR_NATIVE',
      `no native core for ${platform} (Node ${process.version}): ${(cause as Error).message.split('\n')[0]}. ` +
        `Install the package ${pack}, or build it from a clone with "npm run build"`,
      { cause },
    );
  }
}

/** Platform, processor and C library as the binaries are named, for instance `linux-x64-gnu`. */
export function platformName(): string {
  const { platform, arch } = process;
  if (platform === 'linux')
    return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}${arch === 'arm' ? 'eabihf' : ''}`;
  if (platform === 'win32') return `win32-${arch}-msvc`;
  return `${platform}-${arch}`;
}

function isMusl(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}

function armVersion(): number {
  const declared = (process.config.variables as { arm_version?: string | number }).arm_version;
  try {
    const model = /^CPU architecture\s*:\s*(\d+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return Number(model?.[1] ?? declared ?? 7);
  } catch {
    return Number(declared ?? 7);
  }
}

/** The coded error behind what the native core threw: its texts begin with `CODE: `. */
export function nativeError(error: unknown, path = ''): AtomscaleError {
  if (error instanceof AtomscaleError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const [, code, message] = /^(ERR_[A-Z_]+): ([\s\S]*)$/.exec(text) ?? [];
  if (code === undefined || message === undefined)
    return new AtomscaleError('ERR_NATIVE', text, { cause: error });
  if (code === 'ERR_SPOOL' || code === 'ERR_SPOOL_FULL') return new SpoolError(code, path, message);
  return new AtomscaleError(code as ErrorCode, message);
}

/** Runs a call of the native core, its errors coded. */
export async function coded<T>(path: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw nativeError(error, path);
  }
}
