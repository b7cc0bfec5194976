import { AtomscaleError, SettingsError } from '../../uploader/errors.js';
import { describe } from '../common/kinds.js';

/** What a pattern is made of, longest first, and the digits that stand for it. */
const TOKENS: Readonly<Record<string, string>> = {
  YYYY: '\\d{4}',
  MM: '\\d{2}',
  DD: '\\d{2}',
  HH: '\\d{2}',
  mm: '\\d{2}',
  ss: '\\d{2}',
  Z: 'Z|[+-]\\d{2}:?\\d{2}',
  X: '(?<!\\d)\\d{9,11}(?!\\d)',
  x: '(?<!\\d)\\d{12,14}(?!\\d)',
};
/** A text in brackets stands for itself; S+ is the fraction of a second, * is anything. */
const PARTS = /\[([^\]]*)\]|(YYYY|MM|DD|HH|mm|ss|S+|Z|X|x|\*)|([\s\S])/g;
const UTC = / UTC$/;

/** A pattern made ready: which group of the expression holds which token. */
interface Pattern {
  readonly expression: RegExp;
  readonly isUtc: boolean;
}

const compiled = new Map<string, Pattern>();

/**
 * The time in a file's name.
 *
 * @param name of the file, with or without its folder
 * @param pattern as `YYYY-MM-DD___HH-mm-ss.SSS`, found anywhere in the name: `YYYY MM DD HH mm ss`, `S…` the fraction
 *   of a second, `Z` an offset (or the letter), `X` and `x` Unix seconds and milliseconds, `*` anything, `[text]` just
 *   that. Local time, unless there is an offset or the pattern ends in ` UTC`.
 * @returns Unix ms
 * @throws AtomscaleError ERR_VALUE when the name holds no such time, ERR_SETTINGS for a pattern without a date
 */
export function timeOfFilename(name: unknown, pattern: string): number {
  const { expression, isUtc } = compile(pattern);
  const base = typeof name === 'string' ? (name.split(/[\\/]/).at(-1) ?? '') : '';
  const groups = expression.exec(base)?.groups;
  const time = groups === undefined ? Number.NaN : timeOf(groups, isUtc);
  if (!Number.isNaN(time)) return time;
  throw new AtomscaleError(
    'ERR_VALUE',
    `msg.filename: expected a name with a time as filenameTime says (${pattern}), got ${describe(name)}`,
  );
}

function compile(pattern: string): Pattern {
  const known = compiled.get(pattern);
  if (known) return known;
  const tokens: string[] = [];
  const source = pattern.replace(UTC, '').replace(PARTS, (whole, text?: string, token?: string) => {
    if (token === '*') return '.*?';
    if (token === undefined) return escaped(text ?? whole);
    const name = token.startsWith('S') ? 'S' : token;
    const isAgain = tokens.includes(name);
    tokens.push(name);
    if (isAgain) return `\\k<${name}>`;
    return `(?<${name}>${name === 'S' ? `\\d{${token.length}}` : TOKENS[name]})`;
  });
  const isDate = ['YYYY', 'MM', 'DD'].every((token) => tokens.includes(token));
  if (!isDate && !tokens.includes('X') && !tokens.includes('x')) {
    throw new SettingsError(
      'filenameTime',
      `filenameTime: expected a pattern with YYYY, MM and DD, or X, or x, got ${describe(pattern)}`,
    );
  }
  const made = { expression: new RegExp(source), isUtc: UTC.test(pattern) };
  compiled.set(pattern, made);
  return made;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** NaN when the digits are no time, as in month 13. */
function timeOf(groups: Readonly<Record<string, string | undefined>>, isUtc: boolean): number {
  const { x, X, S = '', Z } = groups;
  const fraction = S === '' ? 0 : Number(`0.${S}`) * 1000;
  if (x !== undefined) return Number(x) + fraction;
  if (X !== undefined) return Number(X) * 1000 + fraction;
  const { YYYY, MM, DD, HH = '00', mm = '00', ss = '00' } = groups;
  const local = `${YYYY}-${MM}-${DD}T${HH}:${mm}:${ss}`;
  // In UTC each time there is reads back as it was written.
  const inUtc = new Date(`${local}Z`);
  if (Number.isNaN(inUtc.getTime()) || !inUtc.toISOString().startsWith(local)) return Number.NaN;
  const offset = Z?.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2') ?? (isUtc ? 'Z' : '');
  return Date.parse(local + offset) + fraction;
}
