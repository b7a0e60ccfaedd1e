import type { BindingRefusal } from './binding.ts';

/** The engine or the machine failed; no configuration is to blame. The message says the way out. */
export class EngineFault extends Error {
  /** Stable CamelCase reason, such as MissingPrivilege or NameTaken. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineFault';
    this.code = code;
  }
}

/** The fault that refusals of the addon stand for: the one place where they become errors. */
export function faultOf(refusals: readonly BindingRefusal[]): EngineFault {
  const [first] = refusals;
  if (first === undefined)
    return new EngineFault('NoAnswer', 'the engine gave neither an answer nor a reason; update it');
  const message = refusals.map((refusal) => refusal.message).join('; ');
  return new EngineFault(first.code, message);
}
