/** How many tests ran, and how they ended. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NO_TESTS: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(all: readonly Counts[]): Counts {
  return all.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
    }),
    NO_TESTS,
  );
}

/** What one test program of `cargo test` reported. */
export interface RustProgram {
  /** Crate and source, e.g. `quiver_sim tests/scenarios.rs` or `quiver_wire doc-tests`. */
  readonly name: string;
  readonly counts: Counts;
  /** Names of the tests that ran. */
  readonly tests: readonly string[];
}

const RUNNING = /^\s*Running (?:unittests )?(\S+) \(\S*?([\w-]+?)-[0-9a-f]{16}\)/;
const DOC_TESTS = /^\s*Doc-tests (\S+)/;
const TEST = /^test (\S+)(?: - should panic)? \.\.\. (?:ok|FAILED)/;
const RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/;

/** Reads the counts per test program from the output of `cargo test`. */
export function parseCargoTest(output: string): RustProgram[] {
  const programs: RustProgram[] = [];
  let name = 'unknown';
  let tests: string[] = [];
  for (const line of output.split('\n')) {
    const running = RUNNING.exec(line);
    const docTests = DOC_TESTS.exec(line);
    const test = TEST.exec(line);
    const result = RESULT.exec(line);
    if (test !== null) tests.push(test[1] ?? '');
    else if (running !== null) name = `${running[2] ?? ''} ${running[1] ?? ''}`;
    else if (docTests !== null) name = `${docTests[1] ?? ''} doc-tests`;
    else if (result !== null) {
      const [passed, failed, skipped] = [Number(result[1]), Number(result[2]), Number(result[3])];
      programs.push({ name, counts: { passed, failed, skipped }, tests });
      tests = [];
    }
  }
  return programs;
}
