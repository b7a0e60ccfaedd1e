const replaced = '(left out)';

/** Names of values that can be secrets wherever they stand; of references and audiences only the word is meant. */
const secretName = /(?:^|[-_.])(?:token|password|passwd|secret|private[-_]?key|credential)s?$/i;

/**
 * A copy of an object without what could be secret or is of no use: managed fields, the annotation in which kubectl
 * keeps a whole copy, values of environment variables, and text below a name such as `password`.
 */
export function redact(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => redact(item));
  if (typeof value !== 'object' || value === null) return isSecret(name, value) ? replaced : value;
  return Object.fromEntries(Object.entries(value).flatMap((entry) => redactEntry(entry, value)));
}

function redactEntry([key, item]: [string, unknown], owner: object): readonly [string, unknown][] {
  if (key === 'managedFields' || key === 'kubectl.kubernetes.io/last-applied-configuration') return [];
  // {name: FABRIC_SECRET, value: ...} of a container's environment.
  if (key === 'value' && 'name' in owner && typeof item === 'string' && !isPlain(String(owner.name)))
    return [[key, replaced]];
  return [[key, redact(item, key)]];
}

function isSecret(name: string, value: unknown): boolean {
  return typeof value === 'string' && value !== '' && secretName.test(name);
}

function isPlain(variable: string): boolean {
  return /^(?:POD_|NODE_NAME$|HOST_IP$|LOG_|QUIVER_|KUBERNETES_)/.test(variable) && !secretName.test(variable);
}
