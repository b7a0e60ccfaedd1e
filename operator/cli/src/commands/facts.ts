import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { outputOption, structured } from '../output/format.ts';

interface FactsOptions {
  readonly output: 'yaml' | 'json';
}

export function factsCommand(context: CliContext): Command {
  return new Command('facts')
    .description('what this machine has and how it is set, as far as forwarding depends on it')
    .addOption(outputOption('yaml', 'json'))
    .action(async ({ output }: FactsOptions) => {
      const { readFacts } = await import('../facts/read-facts.ts');
      const facts = await readFacts({ now: context.now, stateDir: context.stateDir });
      context.stdout.write(structured(facts, output));
    });
}
