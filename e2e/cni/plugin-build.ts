import { join } from 'node:path';
import { must } from '../harness/command.ts';
import { repository } from '../harness/router.ts';

let built: Promise<string> | undefined;

/** Builds the static plugin when something of it has changed, once per process; its path. */
export async function buildPlugin(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const cargo = ['cargo', 'rustc', '--locked', '--release', '-p', 'quiver-cni', '--bin', 'quiver-cni'];
  const told = ['--message-format', 'json-render-diagnostics'];
  const flags = ['--', '-C', 'target-feature=+crt-static', '-C', 'strip=symbols'];
  const output = await must(['env', '-C', join(repository, 'dataplane'), ...cargo, ...told, ...flags]);
  for (const line of output.split('\n').filter((one) => one.startsWith('{'))) {
    const { executable } = JSON.parse(line) as { executable?: string | null };
    if (typeof executable === 'string' && executable.endsWith('/quiver-cni')) return executable;
  }
  throw new Error('cargo did not tell where the plugin is');
}
