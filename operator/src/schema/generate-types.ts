import type { Crd, Schema } from './crd.ts';
import { loadCrds } from './load-crds.ts';

const HEADER = '// Generated from crds/ by `npm run gen`. Do not edit.\n';

/** TypeScript names where the kind's own would be mistaken for something else. */
const TYPE_NAMES: Readonly<Record<string, string>> = { Service: 'SvrService' };

const OBJECT = `${HEADER}
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

`;

/** Writes the types of every definition in a folder: file name -> content. Fields with a default are always there. */
export function generateTypes(folder: string): Map<string, string> {
  const crds = [...loadCrds(folder).values()];
  const files = new Map<string, string>();
  files.set('object.gen.ts', OBJECT + conditionType(crds));
  for (const crd of crds) files.set(`${crd.kind.toLowerCase()}.gen.ts`, kindFile(crd));
  files.set('kinds.gen.ts', kindsFile(crds));
  return files;
}

function typeName(crd: Crd): string {
  return TYPE_NAMES[crd.kind] ?? crd.kind;
}

function kindsFile(crds: readonly Crd[]): string {
  const names = crds.map(typeName);
  const imports = crds.map((crd) => `import type { ${typeName(crd)} } from './${crd.kind.toLowerCase()}.gen.ts';`);
  const entries = crds.map(
    ({ kind, plural, shortName, scope }) =>
      `  ${kind}: { kind: '${kind}', plural: '${plural}', shortName: '${shortName}', scope: '${scope}' },`,
  );
  return `${HEADER}
${imports.join('\n')}

export const GROUP = '${crds[0]?.group ?? ''}';
export const VERSION = '${crds[0]?.version ?? ''}';
export const API_VERSION = '${crds[0]?.group ?? ''}/${crds[0]?.version ?? ''}';

/** What the API server has to know about each kind. */
export const KINDS = {
${entries.join('\n')}
} as const;

export type Kind = keyof typeof KINDS;

/** An object of any of our kinds. */
export type QuiverObject = ${names.join(' | ')};
`;
}

function kindFile(crd: Crd): string {
  const name = typeName(crd);
  const { spec, status } = crd.schema.properties ?? {};
  const writer = new TypeWriter();
  const specType = spec === undefined ? 'unknown' : writer.type(`${crd.kind}Spec`, spec);
  const statusType = status === undefined ? 'unknown' : writer.type(`${crd.kind}Status`, status);
  const isSpecRequired = crd.schema.required?.includes('spec') === true;
  return `${HEADER}
import type { Condition, ObjectMeta } from './object.gen.ts';

${comment(crd.schema.description, '')}export interface ${name} {
  readonly apiVersion: '${crd.group}/${crd.version}';
  readonly kind: '${crd.kind}';
  readonly metadata: ObjectMeta;
  readonly spec${isSpecRequired ? '' : '?'}: ${specType};
  readonly status?: ${statusType};
}

${writer.interfaces.join('\n')}`;
}

function conditionType(crds: readonly Crd[]): string {
  const items = crds[0]?.schema.properties?.['status']?.properties?.['conditions']?.items;
  if (items === undefined) throw new Error('no definition has conditions');
  const writer = new TypeWriter();
  writer.type('Condition', items);
  return writer.interfaces.join('\n');
}

/** Collects one interface per object schema; the outer ones first. */
class TypeWriter {
  readonly interfaces: string[] = [];

  type(name: string, schema: Schema): string {
    if (schema['x-kubernetes-int-or-string'] === true) return 'number | string';
    if (schema.enum !== undefined) return schema.enum.map((value) => `'${value}'`).join(' | ');
    if (schema.type === undefined) return 'unknown';
    switch (schema.type) {
      case 'object':
        return this.object(name, schema);
      case 'array':
        return this.array(name, schema);
      case 'integer':
      case 'number':
        return 'number';
      case 'string':
      case 'boolean':
        return schema.type;
    }
  }

  private array(name: string, schema: Schema): string {
    if (name.endsWith('StatusConditions')) return 'readonly Condition[]';
    const item = this.type(singular(name), schema.items ?? {});
    return item.includes('|') ? `readonly (${item})[]` : `readonly ${item}[]`;
  }

  private object(name: string, schema: Schema): string {
    if (schema.properties === undefined) {
      return `Readonly<Record<string, ${this.type(`${name}Value`, schema.additionalProperties ?? {})}>>`;
    }
    const place = this.interfaces.push('') - 1;
    const required = new Set(schema.required);
    const fields = Object.entries(schema.properties).map(([field, member]) => {
      const isThere = required.has(field) || member.default !== undefined;
      const type = this.type(name + field.charAt(0).toUpperCase() + field.slice(1), member);
      return `${comment(member.description, '  ')}  readonly ${field}${isThere ? '' : '?'}: ${type};\n`;
    });
    this.interfaces[place] = `${comment(schema.description, '')}export interface ${name} {\n${fields.join('')}}\n`;
    return name;
  }
}

function singular(name: string): string {
  if (name.endsWith('ies')) return `${name.slice(0, -3)}y`;
  if (name.endsWith('ss')) return `${name}Entry`;
  if (name.endsWith('sses')) return name.slice(0, -2);
  return name.endsWith('s') ? name.slice(0, -1) : `${name}Entry`;
}

function comment(text: string | undefined, indent: string): string {
  return text === undefined ? '' : `${indent}/** ${text.trim().replaceAll('*/', '* /')} */\n`;
}
