import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { must, run } from '../../harness/command.ts';
import { guardFolder } from '../../harness/leftover-guard.ts';
import type { Say } from '../binaries/build.ts';
import { pauseImage } from '../node/containerd.ts';
import { writeOciArchive } from './oci-archive.ts';

/** Archives of the images that are made without a registry. */
export interface BaseImages {
  /** What holds a pod's namespaces. */
  readonly pause: string;
  /** What test pods run: curl, socat, iperf3, dig, node. */
  readonly tools: string;
  /** What stands in for the public images from which the Dockerfile builds. */
  readonly builder: string;
  /** What stands in for the public image on which the Dockerfile's results stand: no shell, only Node. */
  readonly runtime: string;
}

/** Name of the image of test pods. */
export const toolsImage = 'localhost/tools:1';

const RELEASE = 'bookworm';
const TOOLS = [
  'ca-certificates',
  'curl',
  'socat',
  'iperf3',
  'iproute2',
  'iputils-ping',
  'bind9-dnsutils',
  'netcat-openbsd',
  'procps',
  'tcpdump',
];
const BUILDER = ['ca-certificates', 'build-essential', 'nftables'];
/** Where the image that builds has this machine's Rust toolchain while it does. */
export const rustPlace = '/usr/local/rust';

const builderEnvironment = [
  'CARGO_HOME=/usr/local/cargo',
  // This machine's authorities are trusted while it builds, whoever answers for a registry here.
  'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
  `PATH=${rustPlace}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
];

const NODE_PLACES = { tools: 'usr/local/bin', builder: 'usr/local/bin', runtime: 'nodejs/bin' } as const;

/** How the images are made; counted up when that changes. */
const RECIPE = 1;

/** The images of the installed Debian release and this Node, made once into a folder of `cache`. */
export async function ensureBaseImages(cache: string, say: Say): Promise<BaseImages> {
  const facts = JSON.stringify([RECIPE, RELEASE, TOOLS, BUILDER, process.version]);
  const folder = join(cache, 'images', createHash('sha256').update(facts).digest('hex').slice(0, 12));
  const images = {
    pause: join(folder, 'pause.tar'),
    tools: join(folder, 'tools.tar'),
    builder: join(folder, 'builder.tar'),
    runtime: join(folder, 'runtime.tar'),
  };
  if (Object.values(images).every((file) => existsSync(file))) return images;
  await mkdir(folder, { recursive: true });
  const staging = await mkdtemp(join(folder, '.staging-'));
  const guarded = guardFolder(staging);
  try {
    await makeMissing(images, staging, say);
  } finally {
    guarded.release();
    await rm(staging, { recursive: true, force: true });
  }
  return images;
}

async function makeMissing({ pause, tools, builder, runtime }: BaseImages, staging: string, say: Say): Promise<void> {
  if (!existsSync(pause)) await makePause(join(staging, 'pause'), pause);
  if (!existsSync(tools)) {
    say(`making the image of test pods from Debian ${RELEASE}`);
    await makeDebian('tools', join(staging, 'tools'), tools);
  }
  if (existsSync(builder) && existsSync(runtime)) return;
  say(`making the images for the build from Debian ${RELEASE}`);
  await makeDebian('builder', join(staging, 'builder'), builder);
  await makeRuntime(join(staging, 'builder'), join(staging, 'runtime'), runtime);
}

async function makePause(rootfs: string, archive: string): Promise<void> {
  await mkdir(join(rootfs, 'bin'), { recursive: true });
  await cp('/bin/busybox', join(rootfs, 'bin/sleep'));
  await writeOciArchive({ name: pauseImage, rootfs, command: ['/bin/sleep', '2147483647'] }, archive);
}

async function makeDebian(kind: 'tools' | 'builder', rootfs: string, archive: string): Promise<void> {
  const packages = kind === 'tools' ? TOOLS : BUILDER;
  await must(['debootstrap', '--variant=minbase', `--include=${packages.join(',')}`, RELEASE, rootfs]);
  await must(['sh', '-c', `rm -rf ${rootfs}/var/cache/apt/archives/*.deb ${rootfs}/var/lib/apt/lists/*`]);
  await addNode(rootfs, NODE_PLACES[kind]);
  const name = kind === 'tools' ? toolsImage : 'localhost/quiver-builder:1';
  const environment = kind === 'tools' ? {} : { environment: builderEnvironment };
  await writeOciArchive({ name, rootfs, command: ['/bin/sleep', '2147483647'], ...environment }, archive);
}

/** The Node that runs us, and npm, which is a script of it. */
async function addNode(rootfs: string, place: string): Promise<void> {
  await mkdir(join(rootfs, place), { recursive: true });
  await cp(process.execPath, join(rootfs, place, 'node'));
  const found = (await run(['sh', '-c', 'readlink -f "$(command -v npm)"'])).stdout.trim();
  const npm = dirname(dirname(found));
  await cp(npm, join(rootfs, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await must(['ln', '-sf', '../lib/node_modules/npm/bin/npm-cli.js', join(rootfs, 'usr/local/bin/npm')]);
}

/** Node, the libraries that it needs, certificates and names: what a base image without a shell holds. */
async function makeRuntime(debian: string, rootfs: string, archive: string): Promise<void> {
  const node = join(rootfs, NODE_PLACES.runtime, 'node');
  await mkdir(dirname(node), { recursive: true });
  await cp(process.execPath, node);
  for (const folder of ['etc/ssl/certs', 'tmp', 'run', 'var/lib', 'proc', 'sys', 'dev']) {
    await mkdir(join(rootfs, folder), { recursive: true });
  }
  await must(['chmod', '1777', join(rootfs, 'tmp')]);
  const libraries = (await must(['chroot', debian, 'ldd', '/usr/local/bin/node'])).matchAll(/(\/\S+) \(0x/g);
  const files = [...libraries].flatMap(([, path]) => path ?? []);
  const names = ['/etc/nsswitch.conf', '/etc/ssl/certs/ca-certificates.crt', '/etc/os-release'];
  for (const file of [...files, ...names]) await cp(join(debian, file), join(rootfs, file), { dereference: true });
  await must(['sh', '-e'], users(rootfs));
  const source = { name: 'localhost/quiver-runtime:1', rootfs, command: ['/nodejs/bin/node'] };
  await writeOciArchive(source, archive);
}

const users = (rootfs: string): string => `
  printf 'root:x:0:0:root:/root:/sbin/nologin\\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\\n' > ${rootfs}/etc/passwd
  printf 'root:x:0:\\nnonroot:x:65532:\\n' > ${rootfs}/etc/group
`;
