// Rewrites the golden files; read the difference before committing it.
import { runMocha, testFiles } from './mocha.ts';

const files = testFiles(['operator/**/*.golden.test.ts', 'dataplane/**/*.golden.test.ts']);
const outcome = await runMocha(files, { env: { QUIVER_UPDATE_GOLDEN: '1' }, live: true });
process.exitCode = outcome.ok ? 0 : 1;
