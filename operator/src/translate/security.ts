import type { RouterConfig } from '../api/router-config.ts';
import type { KeySourceIr } from '../ir/fabric-ir.ts';
import type { SecretDigest } from './input.ts';

/** The versions of the fabric secret, by id and digest. A version whose file cannot be used is not among `secrets`. */
export function translateKeySource({ keySource }: RouterConfig, secrets: readonly SecretDigest[]): KeySourceIr {
  const versions = secrets.map(({ version, secretId, digest }) => ({ version, secretId, digest }));
  return {
    type: 'SharedSecret',
    versions: versions.sort((one, other) => one.version - other.version),
    active: keySource.active,
  };
}
