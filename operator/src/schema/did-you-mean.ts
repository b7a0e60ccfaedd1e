/** Number of letters to insert, delete, replace or exchange with their neighbour to make one word the other. */
function distance(from: string, to: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const exchanged =
        from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1] ? (older[column - 2] ?? 0) + 1 : replaced;
      current.push(Math.min(replaced, exchanged, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    older = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/** The known word that was probably meant, if one is near enough. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const ranked = known
    .map((candidate) => ({ candidate, steps: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.steps - b.steps);
  const best = ranked[0];
  return best !== undefined && best.steps <= limit ? best.candidate : undefined;
}

/** "did you mean x?", or the known words when none is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const meant = didYouMean(word, known);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  return known.length === 0 ? 'remove it' : `use one of ${known.join(', ')}`;
}
