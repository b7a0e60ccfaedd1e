// Entry of every npm script. Runs on whatever Node started it, prepares the clone, and goes on under Node 24.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodeBin, root, setupOrExit, toolEnvironment } from './setup.mjs';

const [task, ...args] = process.argv.slice(2);
setupOrExit(task);

// A task whose entry lies elsewhere than here.
const entries = { bench: 'e2e/bench/main.ts', demo: 'e2e/demo/main.ts', quiver: 'operator/cli/src/main.ts' };
const entry = join(root, entries[task] ?? `e2e/setup/${task}.ts`);
const child = spawn(join(nodeBin, 'node'), ['--disable-warning=ExperimentalWarning', entry, ...args], {
  cwd: task === 'quiver' ? (process.env.INIT_CWD ?? root) : root,
  env: toolEnvironment(),
  stdio: 'inherit',
});
// The child ends first and cleans up; its exit code is ours.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${task}: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
