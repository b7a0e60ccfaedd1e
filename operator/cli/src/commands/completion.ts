import { Argument, Command } from 'commander';
import type { CliContext } from '../context.ts';

type Shell = 'bash' | 'zsh' | 'fish';

export function completionCommand(context: CliContext, program: () => Command): Command {
  return new Command('completion')
    .description('print a script that completes commands in a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\nbash: source <(quiver completion bash)\nfish: quiver completion fish | source')
    .action((shell: Shell) => {
      context.stdout.write(scripts[shell](flagsOf(program())));
    });
}

interface Flags {
  readonly command: string;
  readonly description: string;
  readonly flags: readonly { readonly long: string; readonly description: string }[];
}

function flagsOf(program: Command): readonly Flags[] {
  return program.commands.map((command) => ({
    command: command.name(),
    description: command.description(),
    flags: [...command.options, ...program.options].flatMap(({ long, description }) =>
      typeof long === 'string' ? [{ long, description }] : [],
    ),
  }));
}

const scripts: Readonly<Record<Shell, (commands: readonly Flags[]) => string>> = {
  bash,
  zsh: (commands) => `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`,
  fish,
};

function bash(commands: readonly Flags[]): string {
  const names = commands.map(({ command }) => command).join(' ');
  const cases = commands.map(
    ({ command, flags }) => `    ${command}) words="${flags.map(({ long }) => long).join(' ')}" ;;`,
  );
  return `_quiver() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="${names}"
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
  fi
  if [ "$COMP_CWORD" -gt 1 ] && [ "\${current#-}" = "$current" ]; then
    COMPREPLY=($(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o filenames -F _quiver quiver
`;
}

function fish(commands: readonly Flags[]): string {
  const lines = commands.flatMap(({ command, description, flags }) => [
    `complete -c quiver -n __fish_use_subcommand -f -a ${command} -d '${quoted(description)}'`,
    ...flags.map(
      ({ long, description: text }) =>
        `complete -c quiver -n '__fish_seen_subcommand_from ${command}' -l ${long.slice(2)} -d '${quoted(text)}'`,
    ),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`);
}
