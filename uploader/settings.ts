import * as v from 'valibot';
import { SettingsError } from './errors.js';
import type { RawSettings, RheedSettings, StreamKind, TimeseriesSettings } from './types.js';

/** Settings that the service is told when a stream opens: another value needs another stream. */
const SERVICE_SETTINGS: Readonly<Record<StreamKind, readonly string[]>> = {
  rheed: [
    'fps',
    'rotationsPerMin',
    'chunkSize',
    'streamName',
    'physicalSample',
    'projectId',
    'tags',
    'azimuth',
  ],
  timeseries: ['streamName', 'synthSourceId', 'physicalSample', 'projectId', 'tags', 'pointsPerChunk'],
};

/** Those that chunks in the spool are made with. */
export const CHUNK_SETTINGS: readonly string[] = ['fps', 'chunkSize', 'pointsPerChunk'];

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '');

/** Editor fields give numbers as text; anything that is not a number stays as it is and is then refused. */
const asNumber = (value: unknown): unknown =>
  typeof value === 'string' && !Number.isNaN(Number(value)) ? Number(value) : value;

interface Range {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly integer?: boolean;
  readonly unit: string;
}

function numberIn({ min, above, max, integer, unit }: Range) {
  const bounds = [
    above === undefined ? undefined : `above ${above}`,
    min === undefined ? undefined : `at least ${min}`,
    max === undefined ? undefined : `at most ${max}`,
  ].filter((bound) => bound !== undefined);
  const expected = `expected ${integer ? 'a whole number' : 'a number'} (${unit}) ${bounds.join(' and ')}`;
  return v.pipe(
    v.unknown(),
    v.transform(asNumber),
    v.number(expected),
    v.finite(expected),
    v.check(
      (value) =>
        (above === undefined || value > above) &&
        (min === undefined || value >= min) &&
        (max === undefined || value <= max) &&
        (!integer || Number.isInteger(value)),
      expected,
    ),
  );
}

/** A blank field takes `fallback`; everything else must pass `schema`. */
function orBlank<T, F>(schema: v.GenericSchema<never, T> | v.GenericSchema<unknown, T>, fallback: F) {
  return v.union([
    v.pipe(
      v.unknown(),
      v.check(isBlank),
      v.transform(() => fallback),
    ),
    schema,
  ]);
}

const text = v.pipe(v.string('expected a text'), v.trim());
const listed = v.transform((value: unknown): unknown =>
  typeof value === 'string' ? value.split(',') : value,
);
const texts = v.array(v.string('expected texts'), 'expected tags separated by commas, or an array of texts');
const tags = v.pipe(
  v.unknown(),
  listed,
  texts,
  v.transform((list: string[]) => distinctTags(list)),
);

/** Tags trimmed, blanks dropped, each once whatever its case; the first spelling stays. */
export function distinctTags(list: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const tag of list) {
    const trimmed = tag.trim();
    if (trimmed !== '' && !seen.has(trimmed.toLowerCase())) seen.set(trimmed.toLowerCase(), trimmed);
  }
  return [...seen.values()];
}

const common = {
  streamName: orBlank(text, null),
  physicalSample: orBlank(text, null),
  projectId: orBlank(text, null),
  tags: orBlank(tags, [] as string[]),
  idleTimeout: orBlank(numberIn({ min: 0, unit: 'seconds' }), 0),
};

const COMPRESSIONS = ['auto', 'fast', 'small'] as const;
/** Levels beyond these trade nothing that a camera could use. */
const [LOWEST_LEVEL, HIGHEST_LEVEL] = [-7, 19];
const compressionExpected = `expected ${COMPRESSIONS.join(', ')}, or a zstd level from ${LOWEST_LEVEL} to ${HIGHEST_LEVEL}`;
const isCompression = (value: unknown): value is (typeof COMPRESSIONS)[number] | number =>
  (COMPRESSIONS as readonly unknown[]).includes(value) ||
  (Number.isInteger(value) && Number(value) >= LOWEST_LEVEL && Number(value) <= HIGHEST_LEVEL);
const compression = v.pipe(
  v.unknown(),
  v.transform(asNumber),
  v.custom<(typeof COMPRESSIONS)[number] | number>(isCompression, compressionExpected),
);

const rheedFields = {
  ...common,
  fps: numberIn({ above: 0, max: 120, unit: 'frames per second' }),
  rotationsPerMin: orBlank(numberIn({ min: 0, unit: 'rotations per minute' }), 0),
  chunkSize: orBlank(numberIn({ min: 1, integer: true, unit: 'frames' }), null),
  azimuth: orBlank(text, null),
  compression: orBlank(compression, 'auto' as const),
};

const timeseriesFields = {
  ...common,
  synthSourceId: orBlank(numberIn({ min: 0, integer: true, unit: 'growth instrument id' }), null),
  pointsPerChunk: orBlank(numberIn({ min: 1, max: 100_000, integer: true, unit: 'rows' }), 100),
  flushInterval: orBlank(numberIn({ min: 0, unit: 'seconds' }), 10),
  rowWindow: orBlank(numberIn({ min: 0, unit: 'milliseconds' }), 100),
  fill: orBlank(v.picklist(['hold', 'gap'], 'expected hold or gap'), 'hold' as const),
};

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The names of a union's failing option hide what was expected: the option that is not "blank" tells it. */
function expectation(issue: v.BaseIssue<unknown>): string {
  const inner = issue.issues?.filter((one) => one.message.startsWith('expected'));
  return inner?.[0]?.message ?? issue.message;
}

function checked<T extends v.ObjectEntries>(
  fields: T,
  input: RawSettings,
): v.InferOutput<v.ObjectSchema<T, undefined>> {
  const complete = Object.fromEntries(Object.keys(fields).map((name) => [name, input[name]]));
  const result = v.safeParse(v.object(fields), complete);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const setting = String(issue.path?.[0]?.key ?? 'settings');
  throw new SettingsError(setting, `${setting}: ${expectation(issue)}, got ${show(input[setting])}`);
}

/**
 * RHEED settings from the editor, `msg.settings` or the library, checked by the service's rules
 * (POST /rheed/stream/).
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function rheedSettings(input: RawSettings): RheedSettings {
  const settings = checked(rheedFields, input);
  const smallest = Math.ceil(2 * settings.fps);
  const chunkSize = settings.chunkSize ?? smallest;
  if (chunkSize < smallest) {
    throw new SettingsError(
      'chunkSize',
      `chunkSize: expected at least ceil(2·fps) = ${smallest} frames at ${settings.fps} fps, got ${chunkSize}; ` +
        'leave it blank for the smallest',
    );
  }
  if (settings.azimuth !== null && settings.rotationsPerMin !== 0) {
    throw new SettingsError(
      'azimuth',
      `azimuth: expected none while the sample rotates (rotationsPerMin ${settings.rotationsPerMin}), ` +
        `got "${settings.azimuth}"; clear one of the two`,
    );
  }
  return { ...settings, chunkSize };
}

/**
 * Timeseries settings, checked (POST /tool-state/stream/initialize).
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function timeseriesSettings(input: RawSettings): TimeseriesSettings {
  return checked(timeseriesFields, input);
}

const PARSERS = { rheed: rheedSettings, timeseries: timeseriesSettings } as const;

/** Names of the settings told to the service in which two sets differ; blanks and defaults are the same. */
export function differing(kind: StreamKind, left: RawSettings, right: RawSettings): string[] {
  const [one, other] = [PARSERS[kind](left), PARSERS[kind](right)].map(
    (settings) => settings as unknown as Record<string, unknown>,
  );
  return SERVICE_SETTINGS[kind].filter(
    (name) => JSON.stringify(one?.[name]) !== JSON.stringify(other?.[name]),
  );
}
