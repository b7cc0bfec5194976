/** Mocha's spec reporter, which also leaves counts and names in the file that TEST_COUNTS names. */
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    const failures = [];
    runner.on('pending', (test) => skipped.push(test.fullTitle()));
    runner.on('fail', (test, error) =>
      failures.push(`${test.fullTitle()}: ${String(error.message).split('\n', 1)}`),
    );
    runner.once('end', () => {
      const counts = { passed: this.stats.passes, failed: this.stats.failures };
      writeFileSync(process.env.TEST_COUNTS, JSON.stringify({ ...counts, skipped, failures }));
    });
  }
};
