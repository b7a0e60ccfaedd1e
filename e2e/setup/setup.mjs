// Makes a fresh clone usable: Node 24, packages, Debian packages, toolchain. Runs on Node 20 with nothing installed;
// done again it takes well under a second. Only what is missing or has changed is touched.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_VERSION = '24.21.0';
const NPM_FLAGS = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];

/** Debian package -> a command or file that proves that it is there. */
const DEBIAN_PACKAGES = {
  'build-essential': 'cc',
  curl: 'curl',
  ethtool: 'ethtool',
  iperf3: 'iperf3',
  iproute2: 'ip',
  'iputils-ping': 'ping',
  nftables: 'nft',
  prometheus: 'promtool',
  socat: 'socat',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  unzip: 'unzip',
};

/** What the clusters of `npm run e2e` need beside it. */
const CLUSTER_PACKAGES = {
  buildah: 'buildah',
  'busybox-static': 'busybox',
  conntrack: 'conntrack',
  debootstrap: 'debootstrap',
  iptables: 'iptables',
  procps: 'sysctl',
  runc: 'runc',
};

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const nodeBin = join(root, '.tools/node/bin');

class SetupError extends Error {}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error !== undefined || result.status !== 0) {
    const why = result.error?.message ?? `exit code ${result.status}`;
    throw new SetupError(`"${command} ${args.slice(0, 4).join(' ')} …" failed: ${why}.`);
  }
}

/** The environment in which every tool of the project runs: Node 24 and the packages' commands come first. */
export function toolEnvironment() {
  const path = [nodeBin, join(root, 'node_modules/.bin'), '/usr/sbin', '/sbin'];
  const home = process.env.HOME ?? '/root';
  const cache = process.env.QUIVER_CACHE ?? join(home, '.cache/quiver');
  return {
    ...process.env,
    PATH: [path[0], path[1], process.env.PATH, join(home, '.cargo/bin'), path[2], path[3]].join(':'),
    CARGO_TARGET_DIR: process.env.CARGO_TARGET_DIR ?? join(cache, 'target'),
    QUIVER_CACHE: cache,
  };
}

function npm(args, env) {
  // Within `npm run` the same npm is used again; it is a script and runs on whichever node executes it.
  const script = process.env.npm_execpath;
  if (script !== undefined && script.endsWith('.js')) {
    const own = join(nodeBin, 'node');
    run(existsSync(own) ? own : process.execPath, [script, ...args, ...NPM_FLAGS], { env });
  } else {
    run('npm', [...args, ...NPM_FLAGS], { env });
  }
}

function installNode() {
  const stamp = join(root, '.tools/node/.version');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === NODE_VERSION) return;
  const arch = { x64: 'x64', arm64: 'arm64' }[process.arch];
  if (process.platform !== 'linux' || arch === undefined) {
    throw new SetupError('Quiver is built on Linux with an x64 or arm64 processor; use such a machine.');
  }
  say(`installing Node ${NODE_VERSION} into .tools/node`);
  const staging = join(root, `.tools/staging-${process.pid}`);
  mkdirSync(staging, { recursive: true });
  writeFileSync(join(staging, 'package.json'), '{"private":true}');
  const name = `node-linux-${arch}`;
  try {
    npm(['install', '--prefix', staging, '--no-save', '--ignore-scripts', `${name}@${NODE_VERSION}`], process.env);
    const unpacked = join(staging, 'node_modules', name);
    writeFileSync(join(unpacked, '.version'), NODE_VERSION);
    rmSync(join(root, '.tools/node'), { recursive: true, force: true });
    renameSync(unpacked, join(root, '.tools/node'));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function packagesDigest() {
  return createHash('sha256')
    .update(NODE_VERSION)
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function installPackages() {
  const stamp = join(root, 'node_modules/.quiver-setup');
  const digest = packagesDigest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  say('installing npm packages');
  npm(['ci'], toolEnvironment());
  writeFileSync(stamp, digest);
}

function isCommand(name) {
  const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return places.some((place) => existsSync(join(place, name)));
}

function installDebianPackages(packages) {
  const missing = Object.entries(packages).filter(([, command]) => !isCommand(command));
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name);
  if (process.getuid?.() !== 0 || !isCommand('apt-get')) {
    say(`these programs are missing: ${names.join(', ')}. Install them (sudo apt-get install ${names.join(' ')});`);
    say('until then the demo and the namespaces tier cannot run.');
    return;
  }
  say(`installing ${names.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['-q', 'update'], { env });
  run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...names], { env });
}

function checkRust() {
  const file = readFileSync(join(root, 'dataplane/rust-toolchain.toml'), 'utf8');
  const wanted = /channel *= *"([^"]+)"/.exec(file)?.[1];
  const env = toolEnvironment();
  const probe = spawnSync('cargo', ['--version'], { cwd: join(root, 'dataplane'), env, encoding: 'utf8' });
  if (probe.status !== 0) {
    throw new SetupError(
      `the Rust toolchain ${wanted} is missing: install rustup from https://rustup.rs and run this again.`,
    );
  }
}

/**
 * Checkouts share the compiled dependencies, never their own crates: tests carry the path of the checkout that built
 * them, and cargo tells sources apart by time only, so that an older checkout would run a newer one's programs.
 */
function claimBuildFolder() {
  const env = toolEnvironment();
  const stamp = join(env.CARGO_TARGET_DIR, '.checkout');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === root) return;
  if (existsSync(env.CARGO_TARGET_DIR)) {
    const crates = readdirSync(join(root, 'dataplane/crates')).flatMap((name) => ['-p', `quiver-${name}`]);
    run('cargo', ['clean', '--quiet', '--locked', ...crates], { cwd: join(root, 'dataplane'), env });
    run('cargo', ['clean', '--quiet', '--locked', '--release', ...crates], { cwd: join(root, 'dataplane'), env });
  }
  mkdirSync(env.CARGO_TARGET_DIR, { recursive: true });
  writeFileSync(stamp, root);
}

/** Does what is missing for a task; throws a SetupError with one sentence and the way out. */
export function setup(task) {
  installNode();
  installPackages();
  installDebianPackages(task === 'e2e' ? { ...DEBIAN_PACKAGES, ...CLUSTER_PACKAGES } : DEBIAN_PACKAGES);
  checkRust();
  claimBuildFolder();
}

/** Runs setup and ends the process with a sentence when it fails. */
export function setupOrExit(task) {
  try {
    setup(task);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) setupOrExit();
