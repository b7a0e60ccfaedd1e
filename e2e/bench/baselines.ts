import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../harness/command.ts';

/** Programs that others would use instead; exact versions, so that figures can be compared. */
const versions = {
  'wireguard-go': 'golang.zx2c4.com/wireguard@v0.0.0-20260522210424-ecfc5a8d5446',
  tailscale: 'github.com/tailscale/wireguard-go@v0.0.0-20260928213032-417aef361226',
  boringtun: 'boringtun-cli@0.7.1',
} as const;

/** Paths of the built programs. */
export type Baselines = Readonly<Record<keyof typeof versions, string>>;

/** Builds what is not there yet, about two minutes the first time. Needs Go and Rust. */
export async function buildBaselines(cache: string, progress: (what: string) => void): Promise<Baselines> {
  const folder = join(cache, 'bench');
  mkdirSync(folder, { recursive: true });
  return {
    'wireguard-go': await goProgram(folder, 'wireguard-go', 'wireguard', progress),
    tailscale: await goProgram(folder, 'tailscale', 'wireguard-go', progress),
    boringtun: await cargoProgram(folder, progress),
  };
}

async function goProgram(
  folder: string,
  name: 'wireguard-go' | 'tailscale',
  built: string,
  progress: (what: string) => void,
): Promise<string> {
  const own = join(folder, versions[name].replaceAll('/', '_'));
  const program = join(own, built);
  if (existsSync(program)) return program;
  progress(`building ${versions[name]}`);
  await must(['env', `GOBIN=${own}`, 'CGO_ENABLED=0', 'GOFLAGS=-trimpath', 'go', 'install', versions[name]]);
  return program;
}

async function cargoProgram(folder: string, progress: (what: string) => void): Promise<string> {
  const own = join(folder, versions.boringtun);
  const program = join(own, 'bin/boringtun-cli');
  if (existsSync(program)) return program;
  progress(`building ${versions.boringtun}`);
  const [name = '', version = ''] = versions.boringtun.split('@');
  const target = ['--target-dir', join(folder, 'target')];
  await must(['cargo', 'install', name, '--version', version, '--locked', '--root', own, ...target]);
  return program;
}
