import { isList, isObject, type Json, type JsonObject, type Schema } from './crd.ts';

/**
 * Returns the value with every absent field that has a default filled in, as the API server does. The input stays as
 * it is. A null where the schema has a default counts as absent.
 */
export function applyDefaults(schema: Schema, value: Json): Json {
  if (isList(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => applyDefaults(items, item));
  }
  return isObject(value) ? { ...givenMembers(schema, value), ...defaultMembers(schema, value) } : value;
}

function givenMembers(schema: Schema, value: JsonObject): JsonObject {
  const members = Object.entries(value).map(([name, member]) => {
    const memberSchema = schema.properties?.[name] ?? schema.additionalProperties;
    return [name, memberSchema === undefined ? member : applyDefaults(memberSchema, member)] as const;
  });
  return Object.fromEntries(members);
}

function defaultMembers(schema: Schema, value: JsonObject): JsonObject {
  const result: Record<string, Json> = {};
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const isAbsent = !Object.hasOwn(value, name) || value[name] === null;
    if (isAbsent && member.default !== undefined) result[name] = applyDefaults(member, member.default);
  }
  return result;
}
