/** Reads `spec.access[0].tenant` or `metadata.labels[example.com/x]` as keys and indices. */
export function parseFieldPath(text: string): readonly (string | number)[] {
  return [...text.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, bracketed, word]) => {
    if (bracketed === undefined) return word ?? '';
    return /^\d+$/.test(bracketed) ? Number(bracketed) : bracketed;
  });
}
