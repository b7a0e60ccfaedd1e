/** Whether `name` is `other` or one of its children: a child may use what its parent may. */
export function isWithin(name: string, other: string): boolean {
  return name === other || name.endsWith(`.${other}`);
}

/** The name itself and each of its parents: `web.prod`, `prod`. */
export function lineageOf(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
