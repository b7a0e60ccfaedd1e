// Builds the addon: `npm run build -w @quiver/engine`. Cargo keeps what has not changed, so doing it again costs a second.
import { spawnSync } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ENGINE = fileURLToPath(new URL('..', import.meta.url));
const ADDON = join(ENGINE, 'quiver.node');

/** The library's path as Cargo tells it: nobody else knows the target directory for sure. */
function libraryIn(messages: string): string | undefined {
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line) as { reason: string; target?: { name: string }; filenames?: string[] };
    if (message.reason === 'compiler-artifact' && message.target?.name === 'quiver_node') {
      return message.filenames?.find((name) => name.endsWith('.so'));
    }
  }
  return undefined;
}

const args = ['build', '--release', '--locked', '-p', 'quiver-node', '--message-format', 'json-render-diagnostics'];
const built = spawnSync('cargo', args, {
  cwd: join(ENGINE, '..'),
  stdio: ['ignore', 'pipe', 'inherit'],
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
const library = built.status === 0 ? libraryIn(built.stdout) : undefined;
if (library === undefined) {
  process.stderr.write(`the engine could not be built: ${built.error?.message ?? 'see above'}\n`);
  process.exitCode = 1;
} else {
  // A running process keeps the file it has loaded: the new one takes its name only when it is whole.
  const fresh = `${ADDON}.${process.pid}`;
  copyFileSync(library, fresh);
  renameSync(fresh, ADDON);
}
