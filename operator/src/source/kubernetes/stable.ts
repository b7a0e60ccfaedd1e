/** A value computed from another one, again only when that is not the very same. */
export function remembered<In, Out>(compute: (input: In, before: Out | undefined) => Out): (input: In) => Out {
  let last: { readonly input: In; readonly output: Out } | undefined;
  return (input) => {
    if (last === undefined || last.input !== input) last = { input, output: compute(input, last?.output) };
    return last.output;
  };
}

/** The list before, if it holds the very same items in the same order. */
export function sameList<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  const isSame = before?.length === now.length && now.every((item, index) => item === before[index]);
  return isSame && before !== undefined ? before : now;
}

/** A list made of another one that stays the very same as long as its items do. */
export function listOf<In, Out>(pick: (item: In) => readonly Out[]): (items: readonly In[]) => readonly Out[] {
  return remembered((items, before) => sameList(before, items.flatMap(pick)));
}
