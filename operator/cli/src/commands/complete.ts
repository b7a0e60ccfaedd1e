import type { Command, Option } from 'commander';

/** First word of a command line by which kubectl asks for completions. */
export const completeWord = '__complete';

/** What the shell shall do beside offering the words, as kubectl reads it. */
const directives = { filesToo: ':0', wordsOnly: ':4' } as const;

/**
 * Words that can stand at the end of a command line, a line each with its meaning behind a tab, and the directive for kubectl.
 * The last of `words` is the one being typed; it may be empty.
 */
export function complete(program: Command, words: readonly string[]): string {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const last = before.at(-1) ?? '';
  const command = program.commands.find((one) => before.includes(one.name()));
  const flags = [...(command?.options ?? []), ...program.options];
  const flag = flags.find(({ short, long, required }) => required && [short, long].includes(last));
  if (flag !== undefined) return answer(choicesOf(flag), typed, directives.filesToo);
  if (typed.startsWith('-')) return answer(flags.map(namedFlag), typed, directives.wordsOnly);
  const commands = command === undefined ? program.commands.map(namedCommand) : [];
  return answer(commands, typed, command === undefined ? directives.wordsOnly : directives.filesToo);
}

interface Word {
  readonly word: string;
  readonly meaning: string;
}

function answer(words: readonly Word[], typed: string, directive: string): string {
  const fitting = words.filter(({ word }) => word.startsWith(typed));
  const lines = fitting.map(({ word, meaning }) => (meaning === '' ? word : `${word}\t${meaning}`));
  // Where there is something to choose, files are no answer.
  return [...lines, fitting.length > 0 ? directives.wordsOnly : directive].map((line) => `${line}\n`).join('');
}

function choicesOf({ argChoices = [] }: Option): readonly Word[] {
  return argChoices.map((word) => ({ word, meaning: '' }));
}

function namedFlag({ long, short, description }: Option): Word {
  return { word: long ?? short ?? '', meaning: description };
}

function namedCommand(command: Command): Word {
  return { word: command.name(), meaning: command.description() };
}
