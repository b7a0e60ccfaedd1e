import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  collectFiles,
  FabricSecret,
  formatProblem,
  loadCrds,
  makeSnapshot,
  nextFileState,
  type Problem,
  parseResourceFile,
  parseRouterFile,
  type RouterConfig,
  routerConfigSchema,
  type Snapshot,
  type Translation,
  translate,
} from '@quiver/operator';
import type { CliContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { splitRouter } from './documents.ts';
import { type InputFile, readInputs } from './read-inputs.ts';

/** What files hold, translated without anything that runs. */
export interface Loaded {
  /** Undefined when the RouterConfig itself is wrong. */
  readonly translation: Translation | undefined;
  /** Of the files and of the translation, each with its place. */
  readonly problems: readonly Problem[];
  readonly files: number;
  readonly objects: number;
}

/** Reads and translates. Without a RouterConfig, resources are checked against a router that has room for everything. */
export async function loadOffline(places: readonly string[], context: CliContext): Promise<Loaded> {
  const inputs = await readInputs(places, context);
  const parts = inputs.map(({ name, text }) => ({ name, ...splitRouter(text) }));
  const { router, problems: routerProblems } = readRouter(parts, context);
  const resources = parts.map(({ name, resources: text }) => ({ name, text }));
  const used = router ?? roomyRouter();
  const snapshot = await makeOffline(used, resources, context);
  const translation = translate(snapshot);
  // Which waypoints a router has is not known without its RouterConfig.
  const found = translation.problems.filter(({ code }) => used.file !== '' || code !== 'UnknownWaypoint');
  const located = found.map((problem) => {
    const location = snapshot.locate(problem.object, problem.field);
    return location === undefined ? problem : { ...problem, location };
  });
  const { tenants, services, serviceRoutes, peers, refused } = snapshot;
  return {
    translation: router === undefined ? undefined : translation,
    problems: [...routerProblems, ...snapshot.problems, ...located].sort(inReadingOrder),
    files: inputs.length,
    objects: [tenants, services, serviceRoutes, peers, refused].reduce((sum, list) => sum + list.length, 0),
  };
}

interface RouterPart {
  readonly name: string;
  readonly router: string | undefined;
}

interface NamedRouter {
  readonly config: RouterConfig;
  readonly file: string;
}

function readRouter(
  parts: readonly RouterPart[],
  context: CliContext,
): { router: NamedRouter | undefined; problems: readonly Problem[] } {
  const found = parts.filter(({ router }) => router !== undefined);
  const [first, second] = found;
  if (second !== undefined)
    throw new Failure(`${first?.name} and ${second.name} both hold a RouterConfig; give the one of one router`);
  if (first === undefined) {
    context.stderr.write('no RouterConfig is given: checked for a router with the usual pools\n');
    return { router: roomyRouter(), problems: [] };
  }
  const { config, problems } = parseRouterFile(first.name, first.router ?? '');
  return { router: config === undefined ? undefined : { config, file: first.name }, problems };
}

function roomyRouter(): NamedRouter {
  const config = routerConfigSchema.parse({
    apiVersion: 'config.quiver.dev/v1alpha1',
    kind: 'RouterConfig',
    fabric: 'unnamed',
    router: 'unnamed',
    nodes: [{ name: 'unnamed', waypoints: [{ address: '192.0.0.8' }, { name: 'wan1', address: '100::8' }] }],
    keySource: { type: 'SharedSecret', versions: [{ version: 1, file: 'fabric.secret' }], active: 1 },
  });
  return { config, file: '' };
}

async function makeOffline(
  router: NamedRouter,
  resources: readonly InputFile[],
  context: CliContext,
): Promise<Snapshot> {
  const crds = loadCrds();
  const states = resources.map(({ name, text }) => {
    return [name, nextFileState(undefined, parseResourceFile(name, text, crds))] as const;
  });
  const { snapshot } = makeSnapshot({
    router: router.config,
    routerProblems: [],
    secrets: await readSecrets(router, context),
    collected: collectFiles(new Map(states)),
    generations: new Map(),
  });
  return snapshot;
}

// Whoever checks files need not be allowed to read the secret; only its digest would differ.
async function readSecrets({ config, file }: NamedRouter, context: CliContext): Promise<readonly FabricSecret[]> {
  return Promise.all(
    (config.keySource?.versions ?? []).map(async ({ version, file: secret }) => {
      const bytes = await readFile(resolve(dirname(file), secret)).catch(() => undefined);
      if (bytes === undefined && file !== '')
        context.stderr.write(`${secret} cannot be read: the digest of version ${version} is made up\n`);
      // Tools end a text with a line break, which is no part of the secret.
      return new FabricSecret(
        version,
        Buffer.from((bytes ?? 'unknown').toString('latin1').replace(/[\r\n]+$/, ''), 'latin1'),
      );
    }),
  );
}

function inReadingOrder({ location: one }: Problem, { location: other }: Problem): number {
  if (one?.file === other?.file) return (one?.line ?? 0) - (other?.line ?? 0);
  return (one?.file ?? '') < (other?.file ?? '') ? -1 : 1;
}

/** `file:line: Kind ns/name: field: message (Reason)` */
export function problemLines(problems: readonly Problem[]): readonly string[] {
  return problems.map(formatProblem);
}
