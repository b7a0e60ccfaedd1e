// Formats both languages in place.
import { join } from 'node:path';
import { ROOT, run } from './stage.ts';

const outcomes = [
  await run('biome', ['check', '--write', '.'], { live: true }),
  await run('cargo', ['fmt', '--all'], { cwd: join(ROOT, 'dataplane'), live: true }),
];
process.exitCode = outcomes.every((outcome) => outcome.ok) ? 0 : 1;
