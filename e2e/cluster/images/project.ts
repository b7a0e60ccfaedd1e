import { existsSync } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../harness/command.ts';
import type { Say } from '../binaries/build.ts';
import { type BaseImages, rustPlace } from './base.ts';

/** Targets of the Dockerfile. */
export const targets = ['operator', 'dataplane', 'cli'] as const;
export type Target = (typeof targets)[number];

/** An image of the project as the clusters take it. */
export interface ProjectImage {
  readonly target: Target;
  /** Without tag. */
  readonly repository: string;
  readonly tag: string;
  readonly archive: string;
  /** Of the archive: the layers as they are on a node. */
  readonly bytes: number;
}

export interface ProjectBuild {
  /** Root of the repository. */
  readonly source: string;
  /** Folder that is kept between runs. */
  readonly cache: string;
  /** Home of the user whose toolchain and settings are used. */
  readonly home: string;
  readonly base: BaseImages;
  readonly tag: string;
  readonly say: Say;
}

/** Builds the images of the Dockerfile, without a registry and without a container engine. */
export async function buildProjectImages(
  build: ProjectBuild,
  which: readonly Target[] = targets,
): Promise<ProjectImage[]> {
  const images: ProjectImage[] = [];
  for (const target of which) images.push(await buildImage(build, target));
  return images;
}

async function buildImage(build: ProjectBuild, target: Target): Promise<ProjectImage> {
  build.say(`building the image ${target}`);
  const repository = `localhost/quiver-${target}`;
  const name = `${repository}:${build.tag}`;
  const base = { NODE_IMAGE: build.base.builder, RUST_IMAGE: build.base.builder, RUNTIME_IMAGE: build.base.runtime };
  const told = Object.entries(base).flatMap(([key, archive]) => ['--build-arg', `${key}=oci-archive:${archive}`]);
  const mounts = (await places(build)).flatMap(([from, to]) => ['--volume', `${from}:${to}:ro`]);
  const how = ['bud', '--isolation', 'chroot', '--layers', '--quiet', '--target', target, '--tag', name];
  const folder = join(build.cache, 'images/project');
  await mkdir(folder, { recursive: true });
  const command = await buildah(build.cache);
  await must([...command, ...how, ...told, ...mounts, build.source]);
  const archive = join(folder, `${target}-${build.tag}.tar`);
  const staged = `${archive}.new`;
  await must([...command, 'push', '--quiet', '--disable-compression', name, `oci-archive:${staged}:${name}`]);
  await rename(staged, archive);
  return { target, repository, tag: build.tag, archive, bytes: (await stat(archive)).size };
}

/** buildah with a store, and a folder for build caches, of our own. */
export async function buildah(cache: string): Promise<string[]> {
  const own = (name: string): string => join(cache, 'buildah', name);
  await mkdir(own('tmp'), { recursive: true });
  const store = ['--root', own('root'), '--runroot', own('run'), '--storage-driver', 'overlay'];
  return ['nice', '-n', '10', 'env', `TMPDIR=${own('tmp')}`, 'buildah', ...store];
}

/** What of this machine the build sees: the toolchain, and how registries are reached. */
async function places({ home, source }: ProjectBuild): Promise<(readonly [string, string])[]> {
  const rust = await must(['env', '-C', join(source, 'dataplane'), 'rustc', '--print', 'sysroot']);
  const wanted: (readonly [string, string])[] = [
    [rust.trim(), rustPlace],
    [join(home, '.npmrc'), '/root/.npmrc'],
    ['/etc/ssl/certs/ca-certificates.crt', '/etc/ssl/certs/ca-certificates.crt'],
  ];
  return wanted.filter(([from]) => from !== '' && existsSync(from));
}
