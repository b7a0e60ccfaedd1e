import { KINDS, type Kind, type QuiverObject } from '../api/generated/kinds.gen.ts';
import { configGroupVersion, describeRef, type ObjectRef } from '../api/resources.ts';
import { type Crd, didYouMean, type Finding, type Json, validateObject, withDefaults } from '../schema/index.ts';
import { refOf } from '../translate/input.ts';
import type { Problem, ProblemReason } from '../translate/problem.ts';
import { peerUnsupported, serviceRouteUnsupported, serviceUnsupported } from '../translate/unsupported.ts';
import { parseFieldPath } from './field-path.ts';
import { readYaml, type YamlDocument } from './yaml-documents.ts';

/** A valid object with its defaults filled in, and where it was written. */
export interface FileObject {
  readonly object: QuiverObject;
  readonly file: string;
  readonly lineOf: (field: string) => number;
}

/** A file as it was read. */
export interface ParsedFile {
  readonly objects: readonly FileObject[];
  /** Objects that are in the file but refused: they stay in their last good state. */
  readonly refused: readonly ObjectRef[];
  readonly problems: readonly Problem[];
  /** The file is no YAML, so that nothing can be said about what it holds. */
  readonly isBroken: boolean;
}

/** The definitions by kind, as `loadCrds` gives them. */
export type Crds = ReadonlyMap<string, Crd>;

/** An object's last good state, by `Kind namespace/name`. */
export type Previous = (key: string) => QuiverObject | undefined;

/** How objects of a file are judged. */
export interface Judging {
  /** An object's state before, for rules about changes. */
  readonly previous?: Previous | undefined;
  /** There is a cluster around, so that what only a cluster has can be named. */
  readonly isInCluster?: boolean | undefined;
}

/** Reads the objects of one file. */
export function parseResourceFile(file: string, text: string, crds: Crds, judging: Judging = {}): ParsedFile {
  const yaml = readYaml(text);
  const parts = yaml.documents.map((document) => parseDocument(document, file, crds, judging));
  const mistakes = yaml.mistakes.map(({ line, message }) =>
    fileProblem('InvalidYaml', file, line, `${message}; the objects of this file stay as they were`),
  );
  return {
    objects: parts.flatMap(({ objects }) => objects),
    refused: parts.flatMap(({ refused }) => refused),
    problems: [...mistakes, ...parts.flatMap(({ problems }) => problems)],
    isBroken: yaml.mistakes.length > 0,
  };
}

/** A problem of a file as a whole. */
export function fileProblem(code: ProblemReason, file: string, line: number, message: string): Problem {
  return { code, object: { kind: 'File', name: file }, field: '', message, location: { file, line } };
}

type Part = Omit<ParsedFile, 'isBroken'>;

interface Envelope {
  readonly [key: string]: Json;
  readonly apiVersion: Json;
  readonly kind: Json;
  readonly metadata: { readonly [key: string]: Json };
}

function parseDocument(document: YamlDocument, file: string, crds: Crds, judging: Judging): Part {
  const refuse = (message: string): Part => ({
    objects: [],
    refused: [],
    problems: [fileProblem('UnknownKind', file, document.lineOf(['kind']), message)],
  });
  const envelope = readEnvelope(document.value);
  if (envelope === undefined) return refuse('the document is no object; it needs apiVersion, kind, metadata and spec');
  const { apiVersion, kind } = envelope;
  if (apiVersion === configGroupVersion)
    return refuse('a RouterConfig is given by its own option; move it out of the resources');
  const crd = typeof kind === 'string' ? crds.get(kind) : undefined;
  if (crd === undefined || !isKind(kind)) return refuse(unknownKind(kind));
  if (typeof envelope.metadata['name'] !== 'string') return refuse(`metadata.name is missing; give the ${kind} a name`);
  return judge({ document, file, crd, value: inNamespace(envelope, kind) }, judging);
}

interface Candidate {
  readonly document: YamlDocument;
  readonly file: string;
  readonly crd: Crd;
  readonly value: Envelope;
}

function judge({ document, file, crd, value }: Candidate, { previous, isInCluster }: Judging): Part {
  const locate = (field: string) => ({ file, line: document.lineOf(parseFieldPath(field)) });
  const judged = judgeObject(crd, value, { previous, isInCluster });
  const problems = judged.problems.map((problem) => ({ ...problem, location: locate(problem.field) }));
  if (problems.length > 0) return { objects: [], refused: [refOf(judged.object)], problems };
  return { objects: [{ object: judged.object, file, lineOf: (field) => locate(field).line }], refused: [], problems };
}

/** An object with its defaults, and why it is refused; no problem: it has the shape of its generated type. */
export interface JudgedObject {
  readonly object: QuiverObject;
  readonly problems: readonly Problem[];
}

/** Judges an object of a known kind by its definition, and by what is implemented. */
export function judgeObject(crd: Crd, value: Json, { previous, isInCluster = false }: Judging): JudgedObject {
  const object = withDefaults(crd, value) as unknown as QuiverObject;
  const ref = refOf(object);
  const before = previous?.(describeRef(ref));
  const findings = validateObject(crd, value, before as unknown as Json | undefined);
  const mistakes = findings.map((finding) => findingProblem(ref, finding));
  const refusals = mistakes.length > 0 ? [] : unsupportedIn(object, isInCluster);
  const problems = [...mistakes, ...refusals];
  return { object, problems: before === undefined ? problems : problems.map(staysAsItWas) };
}

function findingProblem(object: ObjectRef, { path, message }: Finding): Problem {
  return { code: 'InvalidObject', object, field: path, message };
}

function staysAsItWas(problem: Problem): Problem {
  return { ...problem, message: `${problem.message}; ${describeRef(problem.object)} stays as it was` };
}

// What a tenant's member cannot have yet is left to the translation, which keeps the other members.
function unsupportedIn(object: QuiverObject, isInCluster: boolean): readonly Problem[] {
  switch (object.kind) {
    case 'Service':
      return serviceUnsupported(object);
    case 'ServiceRoute':
      return serviceRouteUnsupported(object, isInCluster);
    case 'Peer':
      return peerUnsupported(object);
    case 'Tenant':
      return [];
  }
}

function readEnvelope(value: unknown): Envelope | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { apiVersion = null, kind = null, metadata = null, ...rest } = value as Record<string, Json>;
  const names = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {};
  return { ...rest, apiVersion, kind, metadata: names as Envelope['metadata'] };
}

function inNamespace(value: Envelope, kind: Kind): Envelope {
  if (KINDS[kind].scope === 'Cluster') return value;
  return { ...value, metadata: { namespace: 'default', ...value.metadata } };
}

function isKind(kind: Json): kind is Kind {
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind);
}

function unknownKind(kind: Json): string {
  const kinds = Object.keys(KINDS);
  const meant = typeof kind === 'string' ? didYouMean(kind, kinds) : undefined;
  const hint = meant === undefined ? `use one of ${kinds.join(', ')}` : `did you mean ${meant}?`;
  return `kind ${typeof kind === 'string' ? `"${kind}" is unknown` : 'is missing'}; ${hint}`;
}
