import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RouterConfig } from '../../api/router-config.ts';
import { fromUnknown, QuiverError } from '../../errors.ts';
import { sortedBy } from '../../ir/canonical.ts';
import { formatProblem, type Problem } from '../../translate/problem.ts';
import { FabricSecret } from '../fabric-secret.ts';
import { fileProblem } from '../resource-file.ts';
import { parseRouterFile } from '../router-file.ts';
import { secretMistake, trimmedSecret } from '../secret-bytes.ts';
import { stampOf } from '../stamp.ts';

export interface RouterMountSettings {
  /** The RouterConfig. */
  readonly routerFile: string;
  /** Folder with one file for each version of the fabric secret; the version is the file's name. */
  readonly secretsFolder: string;
}

/** The router's own settings as they are in force. */
export interface MountedRouter {
  readonly router: RouterConfig;
  readonly secrets: readonly FabricSecret[];
  /** What is wrong with the files as they are now; the last good state of each stays in force. */
  readonly problems: readonly Problem[];
}

/** Reads the mounted settings again and again, and remembers the last good ones. */
export class RouterMount {
  readonly #settings: RouterMountSettings;
  #router: RouterConfig | undefined;
  #secrets: readonly FabricSecret[] = [];

  constructor(settings: RouterMountSettings) {
    this.#settings = settings;
  }

  /** The present state. Throws when there never was a usable RouterConfig or secret, in words that say what to do. */
  async read(): Promise<MountedRouter> {
    const problems = [...(await this.#readRouter()), ...(await this.#readSecrets())];
    if (this.#router === undefined || this.#secrets.length === 0) {
      throw new QuiverError('SourceUnreadable', problems.map(formatProblem).join('\n'));
    }
    return { router: this.#router, secrets: this.#secrets, problems };
  }

  /** Changes whenever one of the files does. */
  async signature(): Promise<string> {
    const { routerFile, secretsFolder } = this.#settings;
    const names = await versionsIn(secretsFolder).catch(() => []);
    const files = [routerFile, ...names.map((name) => join(secretsFolder, name))];
    return (await Promise.all(files.map(stampOf))).join('\n');
  }

  async #readRouter(): Promise<readonly Problem[]> {
    const { routerFile } = this.#settings;
    const text = await readFile(routerFile, 'utf8').catch((caught: unknown) => fromUnknown(caught));
    if (text instanceof QuiverError) return [fileProblem('FileUnreadable', routerFile, 1, text.message)];
    const { config, problems } = parseRouterFile(routerFile, text);
    if (config === undefined) return problems;
    if (config.kubernetes === undefined) {
      const message = 'lists nodes of its own; in a cluster write kubernetes instead of nodes';
      return [this.#problem('InvalidRouterConfig', 'nodes', message)];
    }
    this.#router = config;
    return problems;
  }

  async #readSecrets(): Promise<readonly Problem[]> {
    const { secretsFolder } = this.#settings;
    const names = await versionsIn(secretsFolder).catch((caught: unknown) => fromUnknown(caught));
    if (names instanceof QuiverError) return [this.#problem('SecretUnusable', '', names.message)];
    const usable: FabricSecret[] = [];
    const problems: Problem[] = [];
    for (const name of names) {
      const bytes = await readFile(join(secretsFolder, name)).catch((caught: unknown) => fromUnknown(caught));
      const mistake = bytes instanceof QuiverError ? bytes.message : secretMistake(bytes);
      if (mistake !== undefined) problems.push(this.#problem('SecretUnusable', '', `version ${name} ${mistake}`));
      else if (!(bytes instanceof QuiverError)) usable.push(this.#secretOf(Number(name), trimmedSecret(bytes)));
    }
    if (usable.length > 0) this.#secrets = sameSecrets(this.#secrets, usable);
    else if (problems.length === 0) problems.push(this.#problem('SecretUnusable', '', emptyMessage(secretsFolder)));
    return problems;
  }

  // The very same object as long as it is the same secret.
  #secretOf(version: number, bytes: Uint8Array): FabricSecret {
    const secret = new FabricSecret(version, bytes);
    return this.#secrets.find((one) => one.version === version && one.digest === secret.digest) ?? secret;
  }

  #problem(code: 'SecretUnusable' | 'InvalidRouterConfig', field: string, message: string): Problem {
    const { routerFile } = this.#settings;
    const name = this.#router?.router ?? routerFile;
    return { code, object: { kind: 'RouterConfig', name }, field, message };
  }
}

const versionName = /^[1-9]\d{0,8}$/;

/** Names of the versions, lowest first; other files of the folder are the kubelet's own. */
async function versionsIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => versionName.test(name));
  return sortedBy(names, (name) => name.padStart(9, '0'));
}

function sameSecrets(before: readonly FabricSecret[], now: readonly FabricSecret[]): readonly FabricSecret[] {
  return before.length === now.length && now.every((one, index) => one === before[index]) ? before : now;
}

function emptyMessage(folder: string): string {
  return `${folder} holds no version of the fabric secret; add a key named 1 to the Secret, made with: openssl rand -hex 32`;
}
