import { isList, isObject, type Json, type JsonObject, type Schema } from './crd.ts';
import { suggestion } from './did-you-mean.ts';
import { type Finding, finding, type Path } from './finding.ts';

/** Compares a value with its schema: unknown fields, types, bounds, enums, doubled list keys. */
export function checkStructure(schema: Schema, value: Json, path: Path): Finding[] {
  if (value === null) return [finding(path, 'must not be null: give it a value, or remove the field')];
  const wrongType = checkType(schema, value);
  if (wrongType !== undefined) return [finding(path, wrongType)];
  if (typeof value === 'string') return checkString(schema, value, path);
  if (typeof value === 'number') return checkNumber(schema, value, path);
  if (isList(value)) return checkList(schema, value, path);
  return isObject(value) ? checkObject(schema, value, path) : [];
}

const ARTICLES = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function describe(value: Json): string {
  if (value === null) return 'nothing';
  if (isList(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `the string "${value}"` : `${typeof value} ${String(value)}`;
}

function hasType(schema: Schema, value: Json): boolean {
  if (schema.type === undefined) return true;
  switch (schema.type) {
    case 'object':
      return isObject(value);
    case 'array':
      return isList(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === schema.type;
  }
}

function checkType(schema: Schema, value: Json): string | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (typeof value === 'string' || Number.isSafeInteger(value)) return undefined;
    return `must be a whole number or a string, but is ${describe(value)}`;
  }
  if (hasType(schema, value)) return undefined;
  const wanted = schema.type === undefined ? 'something else' : ARTICLES[schema.type];
  return `must be ${wanted}, but is ${describe(value)}${typeHint(schema, value)}`;
}

function typeHint(schema: Schema, value: Json): string {
  if (schema.type === 'string' && typeof value !== 'object') return ': put it in quotes';
  if (schema.type === 'integer' && typeof value === 'string' && /^\d+$/.test(value)) return ': remove the quotes';
  if (schema.type === 'array' && typeof value !== 'object') return ': write it as a list with one entry';
  return '';
}

function checkString(schema: Schema, value: string, path: Path): Finding[] {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return [finding(path, `"${value}" is not known: ${suggestion(value, schema.enum)}`)];
  }
  const length = codePoints(value);
  if (length < minLength) return [finding(path, `must have at least ${minLength} characters, but has ${length}`)];
  if (length > maxLength)
    return [finding(path, `must have at most ${maxLength} characters, but has ${length}: shorten it`)];
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    return [finding(path, `"${value}" does not have the form ${schema.pattern}`)];
  }
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    return [finding(path, `"${value}" is no time: write for example 2026-01-31T12:00:00Z`)];
  }
  return [];
}

/** The API server counts code points. */
function codePoints(text: string): number {
  return Array.from(text).length;
}

function checkNumber(schema: Schema, value: number, path: Path): Finding[] {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  if (value < minimum) return [finding(path, `must be at least ${minimum}, but is ${value}`)];
  if (value > maximum) return [finding(path, `must be at most ${maximum}, but is ${value}`)];
  return [];
}

function checkList(schema: Schema, value: readonly Json[], path: Path): Finding[] {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items = {} } = schema;
  const findings: Finding[] = [];
  if (value.length < minItems) {
    findings.push(finding(path, `is an empty list: add an entry, or remove the field`));
  }
  if (value.length > maxItems)
    findings.push(finding(path, `must have at most ${maxItems} entries, but has ${value.length}`));
  findings.push(...value.flatMap((item, index) => checkStructure(items, item, [...path, index])));
  findings.push(...checkDoubles(schema, value, path));
  return findings;
}

/** Entries of a set, or of a list with keys, that are there more than once. */
function checkDoubles(schema: Schema, value: readonly Json[], path: Path): Finding[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    const key = type === 'set' ? JSON.stringify(item) : listKey(schema, item);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [finding([...path, index], `${key} is there twice: remove one of the two`)];
  });
}

function listKey(schema: Schema, item: Json): string {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (!isObject(item)) return JSON.stringify(item);
  return keys
    .map((key) => `${key} ${JSON.stringify(item[key] ?? schema.items?.properties?.[key]?.default ?? null)}`)
    .join(', ');
}

function checkObject(schema: Schema, value: JsonObject, path: Path): Finding[] {
  const size = Object.keys(value).length;
  const {
    minProperties = 0,
    maxProperties = Number.POSITIVE_INFINITY,
    additionalProperties,
    properties,
    required = [],
  } = schema;
  const findings = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => finding([...path, name], 'is missing: add it'));
  if (size < minProperties) findings.push(finding(path, 'is empty: add a field, or remove it'));
  if (size > maxProperties) findings.push(finding(path, `must have at most ${maxProperties} fields, but has ${size}`));
  for (const [name, member] of Object.entries(value)) {
    const memberPath = [...path, name];
    const memberSchema = ownSchema(properties, name) ?? additionalProperties;
    if (memberSchema !== undefined) findings.push(...checkStructure(memberSchema, member, memberPath));
    else if (properties !== undefined) {
      findings.push(finding(memberPath, `is not a known field: ${suggestion(name, Object.keys(properties))}`));
    }
  }
  return findings;
}

function ownSchema(properties: Schema['properties'], name: string): Schema | undefined {
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}
