import { NodeConfig } from '@quiver/dataplane-api';
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { outputOption, structured } from '../output/format.ts';

interface TranslateOptions {
  readonly filename: readonly string[];
  readonly output: 'yaml' | 'json';
}

export function translateCommand(context: CliContext): Command {
  return new Command('translate')
    .description('what the operator makes of files: problems, its representation, and the configuration of each node')
    .requiredOption(
      '-f, --filename <place...>',
      'files, directories, or - for stdin; one of them holds the RouterConfig',
    )
    .addOption(outputOption('yaml', 'json'))
    .action((options: TranslateOptions) => printTranslation(options, context));
}

async function printTranslation({ filename, output }: TranslateOptions, context: CliContext): Promise<void> {
  const [{ loadOffline, problemLines }, { projectAll }] = await Promise.all([
    import('../offline/load.ts'),
    import('@quiver/operator'),
  ]);
  const { translation, problems } = await loadOffline(filename, context);
  const lines = problemLines(problems);
  if (translation === undefined) throw new Failure(lines.join('\n'));
  const { ir } = translation;
  const nodes = projectAll(ir).map(({ node, config }) => [node, NodeConfig.toJSON(config)]);
  context.stdout.write(structured({ problems: lines, ir, nodes: Object.fromEntries(nodes) as unknown }, output));
}
