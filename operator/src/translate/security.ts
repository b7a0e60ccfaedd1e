import type { RouterConfig } from '../api/router-config.ts';
import type { KeySourceIr } from '../ir/fabric-ir.ts';
import { routerProblems, type TranslateInput } from './input.ts';
import type { Outcome, Problem } from './problem.ts';

/**
 * The versions of the fabric secret, by id and digest. A version whose bytes cannot be used is not among `secrets`. The highest
 * is active where the router names none, or one that is not there.
 */
export function translateKeySource({ router, secrets }: TranslateInput): Outcome<KeySourceIr> {
  const versions = secrets.map(({ version, secretId, digest }) => ({ version, secretId, digest }));
  versions.sort((one, other) => one.version - other.version);
  const numbers = versions.map(({ version }) => version);
  const wanted = router.keySource?.active;
  const highest = numbers.at(-1) ?? 0;
  const isThere = wanted === undefined || numbers.includes(wanted);
  const value: KeySourceIr = { type: 'SharedSecret', versions, active: isThere ? (wanted ?? highest) : highest };
  return { value, problems: isThere ? [] : activeProblems(router, numbers) };
}

function activeProblems(router: RouterConfig, numbers: readonly number[]): readonly Problem[] {
  const highest = numbers.at(-1);
  if (highest === undefined) return [];
  const there = numbers.join(', ');
  const message = `version ${router.keySource?.active} is not among those that are there (${there}), so ${highest} is used; add it or name one of them`;
  return [routerProblems(router)('SecretUnusable', 'keySource.active', message)];
}
