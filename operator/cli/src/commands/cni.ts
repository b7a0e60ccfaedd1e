import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { CliContext } from '../context.ts';

const builtBinary = fileURLToPath(new URL('../../../../dataplane/engine/quiver-cni', import.meta.url));

interface Folder {
  readonly binDir: string;
}

interface InstallOptions extends Folder {
  readonly binary: string;
}

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
    .action((options: InstallOptions) => install(options, context));
  command
    .command('uninstall')
    .description('take the plugin out of the configuration of the container runtime, then remove it')
    .option('--bin-dir <folder>', "the runtime's plugins", '/opt/cni/bin')
    .option('--conf-dir <folder>', "the runtime's network configurations", '/etc/cni/net.d')
    .action((options: UninstallOptions) => uninstall(options, context));
  return command;
}

async function install({ binary, binDir }: InstallOptions, context: CliContext): Promise<void> {
  const { installBinary } = await import('@quiver/agent');
  context.stdout.write(`Installed ${await installBinary(binary, binDir)}\n`);
}

async function uninstall({ binDir, confDir }: UninstallOptions, context: CliContext): Promise<void> {
  const { uninstallPlugin } = await import('@quiver/agent');
  const removed = await uninstallPlugin(confDir, binDir);
  for (const path of removed) context.stdout.write(`Removed ${path}\n`);
  if (removed.length === 0) context.stdout.write('There was nothing to remove.\n');
}
