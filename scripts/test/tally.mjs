/** Adds up what the steps of `npm test` report. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @returns {Counts} */
export function sum(all) {
  return all.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** The counts in the lines that `cargo test` writes, one a test binary. */
export function cargoCounts(lines) {
  const results = lines.map((line) =>
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/.exec(line),
  );
  return sum(
    results
      .filter((found) => found !== null)
      .map(([, passed, failed, skipped]) => ({
        passed: Number(passed),
        failed: Number(failed),
        skipped: Number(skipped),
      })),
  );
}

/** A step that fails without a failed test (it crashed, it did not compile) is a failure itself. */
export function withExit(counts, code) {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** A check that has no tests of its own is one. */
export function check(code) {
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/** The last line of `npm test`. */
export function verdict({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
