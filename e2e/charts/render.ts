import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { ROOT } from '../setup/stage.ts';
import { kubernetesTools } from '../tools/helm.ts';

/** A Kubernetes object, as far as a test looks into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  readonly chart?: string;
  /** Files of the chart's folder, as `-f`. */
  readonly files?: readonly string[];
  /** On top of the files. */
  readonly values?: object;
  readonly release?: string;
  readonly namespace?: string;
  readonly apiVersions?: readonly string[];
}

/** What a user has to give. */
export const MINIMUM = { fabric: 'acme', router: 'a', fabricSecret: { value: 'a-secret-of-32-characters-or-more' } };

/** Kinds of the Prometheus operator, as a cluster that has it announces them. */
export const MONITORING = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'].map(
  (kind) => `monitoring.coreos.com/v1/${kind}`,
);

/** The versions of Helm that users have: name -> program. */
export async function helms(): Promise<ReadonlyMap<string, string>> {
  const { helm3, helm4 } = await kubernetesTools();
  return new Map([
    ['Helm 3', helm3],
    ['Helm 4', helm4],
  ]);
}

const rendered = new Map<string, Promise<Manifest[]>>();

/** Renders with the newest Helm, equal options once only. @throws RenderRefused */
export async function render(options: RenderOptions = {}): Promise<Manifest[]> {
  const key = JSON.stringify(options);
  const known = rendered.get(key) ?? renderWith((await kubernetesTools()).helm4, options);
  rendered.set(key, known);
  return known;
}

/** The output of a Helm that refused. */
export class RenderRefused extends Error {}

/** Renders with a program of Helm. @throws RenderRefused when it does not accept chart or values. */
export async function renderWith(helm: string, options: RenderOptions = {}): Promise<Manifest[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-chart-'));
  const values = join(folder, 'values.yaml');
  writeFileSync(values, stringify(options.values ?? MINIMUM));
  try {
    const { stdout } = await promisify(execFile)(helm, commandLine(options, values), { maxBuffer: 1 << 24 });
    return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
  } catch (error) {
    throw new RenderRefused((error as { stderr?: string }).stderr ?? String(error));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The one object of that kind and name. */
export function pick(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`There are ${found.length} ${kind} ${name}.`);
  return first;
}

function commandLine({ chart, files, release, namespace, apiVersions }: RenderOptions, values: string): string[] {
  const folder = join(ROOT, 'charts', chart ?? 'quiver');
  const head = ['template', release ?? 'quiver', folder, '--namespace', namespace ?? 'quiver-system'];
  const given = [...(files ?? []).map((file) => join(folder, file)), values].flatMap((file) => ['--values', file]);
  return [...head, ...given, ...(apiVersions ?? []).flatMap((version) => ['--api-versions', version])];
}
