import { Environment } from '@marcbachmann/cel-js';
import type { Rule } from './crd.ts';
import { Cidr, IpAddress } from './ip-address.ts';

/** Values of a rule's variables: integers as bigint, as CEL has it. */
export interface RuleVariables {
  readonly self: unknown;
  /** The value before the change; absent for a new object. */
  readonly oldSelf?: unknown;
}

type Compiled = (context: object) => unknown;

const environment = makeEnvironment();
// Rules are constants of the definitions: compiled once per text.
const compiled = new Map<string, Compiled>();

/** Whether a rule compares with the object's previous state. */
export function isTransitionRule(rule: Rule): boolean {
  return /\boldSelf\b/.test(rule.rule);
}

/** Evaluates one rule; the message when it is broken. */
export function evaluateRule(rule: Rule, variables: RuleVariables): string | undefined {
  try {
    if (compile(rule.rule)(variables) === true) return undefined;
  } catch (error) {
    return `cannot be checked: ${error instanceof Error ? firstLine(error.message) : 'unknown error'}`;
  }
  return computedMessage(rule, variables) ?? rule.message;
}

function computedMessage(rule: Rule, variables: RuleVariables): string | undefined {
  if (rule.messageExpression === undefined) return undefined;
  try {
    const message = compile(rule.messageExpression)(variables);
    return typeof message === 'string' && message !== '' ? message : undefined;
  } catch {
    // As the API server does: the fixed message stands in.
    return undefined;
  }
}

function compile(expression: string): Compiled {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  const fresh: Compiled = environment.parse(expression);
  compiled.set(expression, fresh);
  return fresh;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(what);
  return value;
}

/** `%s` and `%d` with the values in order, as Kubernetes' `format`. */
function format(template: string, values: readonly unknown[]): string {
  let index = 0;
  return template.replaceAll(/%[sd]/g, () => {
    const value = values[index];
    index += 1;
    return String(value);
  });
}

/** Standard CEL and the functions that Kubernetes adds and our rules use. */
function makeEnvironment(): Environment {
  const cel = new Environment({ homogeneousAggregateLiterals: false })
    .registerVariable('self', 'dyn')
    .registerVariable('oldSelf', 'dyn')
    .registerType('IP', { ctor: IpAddress, fields: {} })
    .registerType('CIDR', { ctor: Cidr, fields: {} });
  return cel
    .registerFunction('isIP(string): bool', (text: string) => IpAddress.parse(text) !== undefined)
    .registerFunction('isCIDR(string): bool', (text: string) => Cidr.parse(text) !== undefined)
    .registerFunction('ip(string): IP', (text: string) => must(IpAddress.parse(text), `${text} is no IP address`))
    .registerFunction('cidr(string): CIDR', (text: string) => must(Cidr.parse(text), `${text} is no CIDR`))
    .registerFunction('string(CIDR): string', (cidr: Cidr) => cidr.toString())
    .registerFunction('IP.family(): int', (ip: IpAddress) => BigInt(ip.family))
    .registerFunction('IP.isUnspecified(): bool', (ip: IpAddress) => ip.isUnspecified())
    .registerFunction('IP.isLoopback(): bool', (ip: IpAddress) => ip.isLoopback())
    .registerFunction('IP.isLinkLocalUnicast(): bool', (ip: IpAddress) => ip.isLinkLocalUnicast())
    .registerFunction('IP.isLinkLocalMulticast(): bool', (ip: IpAddress) => ip.isLinkLocalMulticast())
    .registerFunction('CIDR.ip(): IP', (cidr: Cidr) => cidr.ip)
    .registerFunction('CIDR.masked(): CIDR', (cidr: Cidr) => cidr.masked())
    .registerFunction('CIDR.containsCIDR(string): bool', (cidr: Cidr, other: string) =>
      cidr.contains(must(Cidr.parse(other), `${other} is no CIDR`)),
    )
    .registerFunction('string.format(list): string', format)
    .registerOperator('CIDR == CIDR', (a: Cidr, b: Cidr) => a.equals(b));
}
