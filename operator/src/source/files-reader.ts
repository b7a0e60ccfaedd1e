import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { RouterConfig } from '../api/router-config.ts';
import { fromUnknown, QuiverError } from '../errors.ts';
import { sortedBy } from '../ir/canonical.ts';
import { formatProblem, type Problem } from '../translate/problem.ts';
import { FabricSecret } from './fabric-secret.ts';
import { collectFiles, type FileState, type Generation, nextFileState } from './file-state.ts';
import { type Crds, fileProblem, parseResourceFile } from './resource-file.ts';
import type { Snapshot } from './resource-source.ts';
import { type ParsedRouterFile, parseRouterFile } from './router-file.ts';
import { secretMistake, trimmedSecret } from './secret-bytes.ts';
import { makeSnapshot } from './snapshot.ts';
import { stampOf } from './stamp.ts';

/** Where a router is described. */
export interface FilesSettings {
  /** The RouterConfig. */
  readonly routerFile: string;
  /** Directories and files with resources; directories are read with everything below them. */
  readonly resources: readonly string[];
  readonly crds: Crds;
}

/** Reads the files again and again, and remembers the last good state of each. */
export class FilesReader {
  readonly #settings: FilesSettings;
  #files: ReadonlyMap<string, FileState> = new Map();
  #generations: ReadonlyMap<string, Generation> = new Map();
  #router: RouterConfig | undefined;
  #secrets: readonly FabricSecret[] = [];
  #texts: ReadonlyMap<string, string> = new Map();

  constructor(settings: FilesSettings) {
    this.#settings = settings;
  }

  /** The present state. Throws when there never was a usable router file or secret. */
  async read(): Promise<Snapshot> {
    const routerProblems = await this.#readRouter();
    const router = this.#router;
    if (router === undefined || this.#secrets.length === 0) {
      throw new QuiverError('SourceUnreadable', routerProblems.map(formatProblem).join('\n'));
    }
    this.#files = await this.#readResources();
    const collected = collectFiles(this.#files);
    const made = makeSnapshot({
      router,
      routerProblems,
      secrets: this.#secrets,
      collected,
      generations: this.#generations,
    });
    this.#generations = made.generations;
    return made.snapshot;
  }

  /** Changes whenever one of the files does, at the cost of looking at each of them. */
  async signature(): Promise<string> {
    const files = await this.#listFiles().catch(() => []);
    const secrets = this.#router?.keySource?.versions?.map(({ file }) => this.#besideRouter(file)) ?? [];
    const stamps = await Promise.all([this.#settings.routerFile, ...secrets, ...files].map(stampOf));
    return stamps.join('\n');
  }

  async #readRouter(): Promise<readonly Problem[]> {
    const { routerFile } = this.#settings;
    const text = await readFile(routerFile, 'utf8').catch((caught: unknown) => fromUnknown(caught));
    if (text instanceof QuiverError) return [fileProblem('FileUnreadable', routerFile, 1, text.message)];
    const parsed = parseRouterFile(routerFile, text);
    if (parsed.config === undefined) return parsed.problems;
    if (parsed.config.kubernetes !== undefined) return [inCluster(routerFile, parsed.lineOf(['kubernetes']))];
    const secrets = await this.#readSecrets(parsed.config, parsed);
    const active = parsed.config.keySource?.active;
    // Without the active version nothing could be sent, so the configuration before stays as a whole.
    if (secrets.value.some(({ version }) => version === active)) {
      this.#router = parsed.config;
      this.#secrets = secrets.value;
    }
    return secrets.problems;
  }

  async #readSecrets(
    { keySource }: RouterConfig,
    { lineOf }: ParsedRouterFile,
  ): Promise<{ value: FabricSecret[]; problems: Problem[] }> {
    const value: FabricSecret[] = [];
    const problems: Problem[] = [];
    for (const [index, { version, file }] of keySource?.versions?.entries() ?? []) {
      const bytes = await readFile(this.#besideRouter(file)).catch((caught: unknown) => fromUnknown(caught));
      const mistake = bytes instanceof QuiverError ? bytes.message : secretMistake(bytes);
      if (mistake === undefined && !(bytes instanceof QuiverError))
        value.push(new FabricSecret(version, trimmedSecret(bytes)));
      else problems.push(this.#secretProblem(index, mistake ?? '', lineOf(['keySource', 'versions', index, 'file'])));
    }
    return { value, problems };
  }

  #secretProblem(index: number, message: string, line: number): Problem {
    const { routerFile } = this.#settings;
    const object = { kind: 'RouterConfig', name: routerFile } as const;
    const field = `keySource.versions[${index}].file`;
    return { code: 'SecretUnusable', object, field, message, location: { file: routerFile, line } };
  }

  async #readResources(): Promise<ReadonlyMap<string, FileState>> {
    const files = await this.#listFiles();
    const texts = new Map<string, string>();
    const states = await Promise.all(
      files.map(async (file): Promise<readonly [string, FileState]> => {
        const text = await readFile(file, 'utf8').catch((caught: unknown) => fromUnknown(caught));
        if (text instanceof QuiverError) return [file, this.#unreadable(file, text.message)];
        texts.set(file, text);
        return [file, this.#stateOf(file, text)];
      }),
    );
    this.#texts = texts;
    return new Map(states);
  }

  #stateOf(file: string, text: string): FileState {
    const before = this.#files.get(file);
    if (before !== undefined && this.#texts.get(file) === text) return before;
    const previous = (key: string) => before?.objects.get(key)?.object;
    return nextFileState(before, parseResourceFile(file, text, this.#settings.crds, { previous }));
  }

  #unreadable(file: string, message: string): FileState {
    const before = this.#files.get(file);
    const problem = fileProblem('FileUnreadable', file, 1, message);
    return { objects: before?.objects ?? new Map(), refused: before?.refused ?? [], problems: [problem] };
  }

  async #listFiles(): Promise<readonly string[]> {
    const lists = await Promise.all(this.#settings.resources.map(listYaml));
    const router = resolve(this.#settings.routerFile);
    const files = [...new Set(lists.flat())].filter((file) => resolve(file) !== router);
    return sortedBy(files, (file) => file);
  }

  #besideRouter(file: string): string {
    return resolve(dirname(this.#settings.routerFile), file);
  }
}

function inCluster(file: string, line: number): Problem {
  const message = 'is for the operator in a cluster; list nodes and keySource here';
  const object = { kind: 'RouterConfig', name: file } as const;
  return { code: 'InvalidRouterConfig', object, field: 'kubernetes', message, location: { file, line } };
}

async function listYaml(place: string): Promise<readonly string[]> {
  try {
    if ((await stat(place)).isFile()) return [place];
    const entries = await readdir(place, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && isResourceName(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (caught) {
    throw fromUnknown(caught, 'SourceUnreadable');
  }
}

// Editors keep their half-written copies under names that begin with a dot.
function isResourceName(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith('.');
}
