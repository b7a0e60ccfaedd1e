import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

/** Mocha's ordinary output, plus the counts as JSON in the file named by the option `counts`. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      const counts = { passed: passes, failed: failures, skipped: pending };
      writeFileSync(options.reporterOptions.counts, JSON.stringify(counts));
    });
  }
}
