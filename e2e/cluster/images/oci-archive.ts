import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { must } from '../../harness/command.ts';
import { guardFolder } from '../../harness/leftover-guard.ts';

export interface ImageSource {
  /** With its tag: `localhost/tools:1`. */
  readonly name: string;
  /** Folder that becomes the image's one layer. */
  readonly rootfs: string;
  readonly command?: readonly string[];
  /** `NAME=value`; a usual PATH when absent. */
  readonly environment?: readonly string[];
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const layerType = 'application/vnd.oci.image.layer.v1.tar';
const configType = 'application/vnd.oci.image.config.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Writes an image of one layer as an archive that containerd and buildah take. Equal folders give equal images. */
export async function writeOciArchive(source: ImageSource, archive: string): Promise<void> {
  await mkdir(dirname(archive), { recursive: true });
  const layout = await mkdtemp(join(dirname(archive), '.image-'));
  const guarded = guardFolder(layout);
  try {
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    await writeLayout(source, layout);
    const staged = `${archive}.${process.pid}`;
    await must(['tar', '-C', layout, '-cf', staged, 'oci-layout', 'index.json', 'blobs']);
    await rename(staged, archive);
  } finally {
    guarded.release();
    await rm(layout, { recursive: true, force: true });
  }
}

async function writeLayout(
  { name, rootfs, command = [], environment = [PATH] }: ImageSource,
  layout: string,
): Promise<void> {
  const layer = await layerBlob(rootfs, layout);
  const config = await jsonBlob(layout, configType, {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    // Builders count the layers by it.
    history: [{ created_by: 'quiver e2e' }],
    config: { Cmd: command, Env: environment },
  });
  const manifest = await jsonBlob(layout, manifestType, {
    schemaVersion: 2,
    mediaType: manifestType,
    config,
    layers: [layer],
  });
  const tag = name.slice(name.lastIndexOf(':') + 1);
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag };
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion": "1.0.0"}');
  await writeFile(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
}

async function layerBlob(rootfs: string, layout: string): Promise<Blob> {
  const staged = join(layout, 'layer.tar');
  const order = ['--sort=name', '--mtime=@0', '--numeric-owner'];
  await must(['tar', '-C', rootfs, ...order, '-cf', staged, '.']);
  const hash = createHash('sha256');
  await pipeline(createReadStream(staged), hash);
  const hex = hash.digest('hex');
  const { size } = await stat(staged);
  await rename(staged, join(layout, 'blobs/sha256', hex));
  return { mediaType: layerType, digest: `sha256:${hex}`, size };
}

async function jsonBlob(layout: string, mediaType: string, content: unknown): Promise<Blob> {
  const bytes = Buffer.from(JSON.stringify(content));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(layout, 'blobs/sha256', hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}
