import { Failure } from '../failure.ts';

/** What the client library of Kubernetes runs on, at least; with an older one it cannot even be loaded. */
const least = [22, 19] as const;

/** Fails with the way out when this Node.js cannot load the client of Kubernetes. */
export function assertRuntime(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = least;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new Failure(
    `asking a cluster needs Node.js ${least.join('.')} or later, and this is ${version}; put a newer node first in the PATH`,
  );
}
