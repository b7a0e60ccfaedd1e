import { type Crd, isObject, type Json, type Schema } from './crd.ts';
import { applyDefaults } from './defaults.ts';
import { type Finding, finding } from './finding.ts';
import { checkRules } from './rules.ts';
import { checkStructure } from './structure.ts';

export { type Crd, type Json, parseCrd, type Schema } from './crd.ts';
export { applyDefaults } from './defaults.ts';
export { didYouMean } from './did-you-mean.ts';
export { type Finding, formatPath, type Path } from './finding.ts';
export { CRD_FOLDER, loadCrds } from './load-crds.ts';

const STRINGS: Schema = { type: 'object', additionalProperties: { type: 'string' } };

/** The metadata that somebody may write, and what the API server adds to it. */
const METADATA: Schema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253 },
    namespace: { type: 'string', minLength: 1, maxLength: 63 },
    labels: STRINGS,
    annotations: STRINGS,
    uid: { type: 'string' },
    resourceVersion: { type: 'string' },
    generation: { type: 'integer' },
    creationTimestamp: { type: 'string' },
    deletionTimestamp: { type: 'string' },
    deletionGracePeriodSeconds: { type: 'integer' },
    finalizers: { type: 'array' },
    ownerReferences: { type: 'array' },
    managedFields: { type: 'array' },
    generateName: { type: 'string' },
    selfLink: { type: 'string' },
  },
};

/**
 * Checks an object as the API server would, and says what is wrong with it and what to do. Empty: it is accepted.
 * With the object's previous state, also whether the change is allowed.
 */
export function validateObject(crd: Crd, object: Json, previous?: Json): Finding[] {
  const schema = completeSchema(crd);
  const findings = [...checkStructure(schema, object, []), ...checkIdentity(crd, object)];
  const broken = findings.map((one) => one.segments);
  const old = previous === undefined ? undefined : applyDefaults(crd.schema, previous);
  return [...findings, ...checkRules(schema, applyDefaults(crd.schema, object), broken, old)];
}

/** Fills in what the object leaves to the defaults of its kind. */
export function withDefaults(crd: Crd, object: Json): Json {
  return applyDefaults(crd.schema, object);
}

function completeSchema(crd: Crd): Schema {
  const { schema } = crd;
  const required = ['apiVersion', 'kind', 'metadata', ...(schema.required ?? [])];
  return { ...schema, required, properties: { ...schema.properties, metadata: METADATA } };
}

function checkIdentity(crd: Crd, object: Json): Finding[] {
  if (!isObject(object)) return [];
  const { apiVersion, kind, metadata } = object;
  const findings: Finding[] = [];
  const wanted = `${crd.group}/${crd.version}`;
  if (typeof apiVersion === 'string' && apiVersion !== wanted) {
    findings.push(finding(['apiVersion'], `is "${apiVersion}": write ${wanted}`));
  }
  if (typeof kind === 'string' && kind !== crd.kind)
    findings.push(finding(['kind'], `is "${kind}": write ${crd.kind}`));
  if (
    crd.scope === 'Cluster' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    Object.hasOwn(metadata, 'namespace')
  ) {
    findings.push(
      finding(['metadata', 'namespace'], `does not exist for a ${crd.kind}, which belongs to no namespace: remove it`),
    );
  }
  return findings;
}
