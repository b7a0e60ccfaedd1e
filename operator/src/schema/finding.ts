/** Keys and indices from the object's root to a field. */
export type Path = readonly (string | number)[];

/** Something wrong in an object, with the way out. */
export interface Finding {
  /** For people: `spec.ports[0].endPort`; empty for the object as a whole. */
  readonly path: string;
  /** The same for programs, e.g. to find the line. For an unknown field it ends with that field. */
  readonly segments: Path;
  /** A clause that reads after the path: "must be …". */
  readonly message: string;
}

export function finding(segments: Path, message: string): Finding {
  return { path: formatPath(segments), segments, message };
}

/** Writes a path as `kubectl` does; keys that are no plain words in brackets. */
export function formatPath(segments: Path): string {
  return segments.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    if (!/^[A-Za-z_]\w*$/.test(segment)) return `${text}[${segment}]`;
    return text === '' ? segment : `${text}.${segment}`;
  }, '');
}

/** Whether `inner` is `outer` or lies below it. */
export function isWithin(inner: Path, outer: Path): boolean {
  return outer.length <= inner.length && outer.every((segment, index) => segment === inner[index]);
}
