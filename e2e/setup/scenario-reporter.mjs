import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import JUnitReporter from 'mocha-junit-reporter';

/** Mocha's ordinary output, JUnit XML in the file of the option `junit`, and a row per scenario in that of `rows`. */
export default class ScenarioReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { rows: file, junit } = options.reporterOptions;
    const rows = [];
    const add = (result) => (test, error) =>
      rows.push({
        suite: test.parent?.titlePath().join(' ') ?? '',
        title: test.title,
        result,
        seconds: (test.duration ?? 0) / 1000,
        ...(error === undefined ? {} : { error: String(error.message) }),
      });
    runner.on('pass', add('passed'));
    runner.on('fail', add('failed'));
    runner.on('pending', add('skipped'));
    runner.once('end', () => writeFileSync(file, JSON.stringify(rows)));
    this.junit = new JUnitReporter(runner, { reporterOptions: { mochaFile: junit, testsuitesTitle: 'quiver e2e' } });
  }
}
