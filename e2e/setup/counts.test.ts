import assert from 'node:assert/strict';
import { addCounts, parseCargoTest } from './counts.ts';

const OUTPUT = `
   Compiling quiver-wire v0.1.0
     Running unittests src/lib.rs (/home/u/.cache/quiver/target/debug/deps/quiver_wire-0123456789abcdef)

running 2 tests
test corpus_inputs_are_parsed_as_before ... ok
test ipv4::headers_are_parsed ... ok
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/corpus.rs (/home/u/.cache/quiver/target/debug/deps/corpus-0123456789abcdef)
test result: FAILED. 1 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests quiver_wire
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`;

describe('the counts of a test run', () => {
  it('come from every test program that cargo ran', () => {
    assert.deepEqual(parseCargoTest(OUTPUT), [
      {
        name: 'quiver_wire src/lib.rs',
        counts: { passed: 2, failed: 0, skipped: 0 },
        tests: ['corpus_inputs_are_parsed_as_before', 'ipv4::headers_are_parsed'],
      },
      { name: 'corpus tests/corpus.rs', counts: { passed: 1, failed: 3, skipped: 1 }, tests: [] },
      { name: 'quiver_wire doc-tests', counts: { passed: 4, failed: 0, skipped: 0 }, tests: [] },
    ]);
  });

  it('are added up over all programs', () => {
    const all = parseCargoTest(OUTPUT).map((program) => program.counts);
    assert.deepEqual(addCounts(all), { passed: 7, failed: 3, skipped: 1 });
  });

  it('are empty when nothing was compiled', () => {
    assert.deepEqual(parseCargoTest('error: could not compile `quiver-wire`'), []);
  });
});
