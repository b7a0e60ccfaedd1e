import { evaluateRule, isTransitionRule } from './cel.ts';
import { isList, isObject, type Json, type Schema } from './crd.ts';
import { type Finding, finding, isWithin, type Path } from './finding.ts';

/**
 * Evaluates the CEL rules of a schema on a value with defaults. A rule whose value contains one of the `broken`
 * fields is left out, since it would only repeat in other words what is known already.
 */
export function checkRules(schema: Schema, value: Json, broken: readonly Path[], old?: Json): Finding[] {
  return visit({ schema, value, old, path: [] }, broken);
}

interface Node {
  readonly schema: Schema;
  readonly value: Json;
  readonly old: Json | undefined;
  readonly path: Path;
}

function visit(node: Node, broken: readonly Path[]): Finding[] {
  const own = broken.some((path) => isWithin(path, node.path)) ? [] : ownRules(node);
  return [...own, ...children(node).flatMap((child) => visit(child, broken))];
}

function ownRules({ schema, value, old, path }: Node): Finding[] {
  return (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => {
    if (isTransitionRule(rule) && old === undefined) return [];
    const self = toCel(schema, value);
    const message = evaluateRule(rule, old === undefined ? { self } : { self, oldSelf: toCel(schema, old) });
    return message === undefined ? [] : [finding(path, message)];
  });
}

function children({ schema, value, old, path }: Node): Node[] {
  if (isList(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    // As in the API server, entries of a list have no previous state here: their order may have changed.
    return value.map((item, index) => ({ schema: items, value: item, old: undefined, path: [...path, index] }));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const memberSchema = schema.properties?.[name] ?? schema.additionalProperties;
    if (memberSchema === undefined) return [];
    return [{ schema: memberSchema, value: member, old: memberOf(old, name), path: [...path, name] }];
  });
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? value[name] : undefined;
}

/** CEL's integers are 64 bits wide: bigint. Which numbers are integers, the schema says. */
function toCel(schema: Schema, value: Json): unknown {
  if (typeof value === 'number') return schema.type === 'number' ? value : BigInt(value);
  if (isList(value)) return value.map((item) => toCel(schema.items ?? {}, item));
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const memberSchema = schema.properties?.[name] ?? schema.additionalProperties;
    if (memberSchema !== undefined || schema.properties?.['metadata'] === undefined) {
      result[name] = toCel(memberSchema ?? {}, member);
    }
  }
  return result;
}
