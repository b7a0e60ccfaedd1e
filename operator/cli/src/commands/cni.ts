import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { CliContext } from '../context.ts';

const builtBinary = fileURLToPath(new URL('../../../../dataplane/engine/quiver-cni', import.meta.url));

interface Folder {
  readonly binDir: string;
}

interface InstallOptions extends Folder {
  readonly binary: string;
  readonly await?: string;
}

/** Long enough for an operator that starts at the same time; an agent can do without the file. */
const longestWait = 10_000;
const lookEvery = 100;

interface UninstallOptions extends Folder {
  readonly confDir: string;
}

/** Puts the CNI plugin where a container runtime finds it, and takes it away again. */
export function cniCommand(context: CliContext): Command {
  const command = new Command('cni').description('install the CNI plugin on this machine, or remove it');
  command
    .command('install')
    .description('copy the plugin to the folder of the container runtime; an agent configures it when it is ready')
    .option('--bin-dir <folder>', "the runtime's plugins", '/opt/cni/bin')
    .option('--binary <file>', 'the plugin', builtBinary)
    .option('--await <file>', 'then wait for this file, for ten seconds at most')
    .action((options: InstallOptions) => install(options, context));
  command
    .command('uninstall')
    .description('take the plugin out of the configuration of the container runtime, then remove it')
    .option('--bin-dir <folder>', "the runtime's plugins", '/opt/cni/bin')
    .option('--conf-dir <folder>', "the runtime's network configurations", '/etc/cni/net.d')
    .action((options: UninstallOptions) => uninstall(options, context));
  return command;
}

async function install({ binary, binDir, await: file }: InstallOptions, context: CliContext): Promise<void> {
  const { installBinary } = await import('@quiver/agent');
  context.stdout.write(`Installed ${await installBinary(binary, binDir)}\n`);
  if (file === undefined) return;
  for (let waited = 0; waited < longestWait && !existsSync(file); waited += lookEvery) await context.pause(lookEvery);
  if (!existsSync(file)) context.stdout.write(`${file} is not there yet\n`);
}

async function uninstall({ binDir, confDir }: UninstallOptions, context: CliContext): Promise<void> {
  const { uninstallPlugin } = await import('@quiver/agent');
  const removed = await uninstallPlugin(confDir, binDir);
  for (const path of removed) context.stdout.write(`Removed ${path}\n`);
  if (removed.length === 0) context.stdout.write('There was nothing to remove.\n');
}
