import { describeRef, type ObjectRef, qualifiedName } from '../api/resources.ts';
import type { DnsNameIr, FabricIr } from '../ir/fabric-ir.ts';
import { holds, sliceOf } from '../project/slice.ts';
import { isWarning, type Problem, problemReasons } from '../translate/problem.ts';
import type { ConditionType, Finding } from './condition.ts';
import { joinMessages } from './merge.ts';
import type { NodeReport } from './node-report.ts';

/** What is known when the conditions of an object are found. */
export interface Knowledge {
  readonly ir: FabricIr;
  readonly problems: readonly Problem[];
  readonly nodes: readonly NodeReport[];
}

/** What holds for one object, in the order in which people ask. */
export function findingsFor(ref: ObjectRef, { ir, problems, nodes }: Knowledge): readonly Finding[] {
  const own = problemsByObject(problems).get(describeRef(ref)) ?? [];
  const checks = [checked('Accepted', own), checked('ResolvedRefs', own), programmed(ref, ir, nodes)];
  const established = ref.kind === 'Peer' ? [establishedWith(ref, ir, nodes)] : [];
  return [...checks, ...established, ...published(ref, ir, own), ready([...checks, ...established], own)];
}

// The name is a convenience: without it the address still works, so being ready does not depend on it.
function published(ref: ObjectRef, { dns }: FabricIr, own: readonly Problem[]): readonly Finding[] {
  if (ref.kind !== 'Service' || dns === undefined) return [];
  const type = 'DNSPublished';
  const found = checked(type, own);
  if (found.status === 'False') return [found];
  if (isNamed(dns, qualifiedName(ref))) return [{ type, status: 'True', reason: 'Published', message: '' }];
  return [{ type, status: 'False', reason: 'NotAccepted', message: 'nothing of it is in force' }];
}

function checked(type: 'Accepted' | 'ResolvedRefs' | 'DNSPublished', own: readonly Problem[]): Finding {
  const concerned = own.filter(({ code }) => problemReasons[code].condition === type);
  const errors = concerned.filter((problem) => !isWarning(problem));
  const [first] = errors.length > 0 ? errors : concerned;
  if (first === undefined)
    return { type, status: 'True', reason: type === 'DNSPublished' ? 'Published' : type, message: '' };
  const messages = (errors.length > 0 ? errors : concerned).map(sentenceOf);
  return { type, status: errors.length > 0 ? 'False' : 'True', reason: first.code, message: joinMessages(messages) };
}

function programmed(ref: ObjectRef, ir: FabricIr, nodes: readonly NodeReport[]): Finding {
  const type = 'Programmed';
  if (!holds(ir, ref)) return { type, status: 'False', reason: 'NotAccepted', message: 'nothing of it is in force' };
  if (nodes.length === 0) return { type, status: 'False', reason: 'NoNodes', message: 'the router has no usable node' };
  const behind = nodes.filter((node) => !isInForce(node, ref, ir));
  if (behind.length === 0) return { type, status: 'True', reason: 'Programmed', message: '' };
  const refusing = behind.filter(({ rejected }) => rejected.length > 0);
  if (refusing.length > 0) {
    return {
      type,
      status: 'False',
      reason: 'NodeRejected',
      message: joinMessages(refusing.map((node) => refusalOf(node, ref))),
    };
  }
  return { type, status: 'Unknown', reason: 'Pending', message: joinMessages(behind.map(waitingFor)) };
}

function isInForce({ wanted, acknowledged }: NodeReport, ref: ObjectRef, ir: FabricIr): boolean {
  if (acknowledged === wanted) return true;
  return acknowledged !== undefined && sliceOf(acknowledged, ref, ir) === sliceOf(wanted, ref, ir);
}

// A node takes a configuration whole or not at all, so another object's fault can hold this one back.
function refusalOf({ node, rejected }: NodeReport, ref: ObjectRef): string {
  const own = rejected.filter(({ field }) => field.includes(`[${qualifiedName(ref)}]`));
  const reasons = own.length > 0 ? own : rejected;
  const told = reasons.map(({ code, field, message }) => `${field}: ${message} (${code})`);
  return `node ${node} refused the configuration: ${joinMessages(told)}`;
}

function waitingFor({ node, isConnected }: NodeReport): string {
  return isConnected ? `node ${node} has not answered yet` : `node ${node} is not connected`;
}

function establishedWith(ref: ObjectRef, ir: FabricIr, nodes: readonly NodeReport[]): Finding {
  const type = 'Established';
  const router = ir.peers.find(({ name }) => name === ref.name)?.router;
  const paths = nodes.flatMap((node) => node.paths.filter((path) => path.router === router));
  const up = paths.filter(({ state }) => state === 'Up');
  if (up.length > 0) return { type, status: 'True', reason: 'PathUp', message: '' };
  const suspect = paths.filter(({ state }) => state !== 'Unknown');
  if (suspect.length === 0)
    return { type, status: 'Unknown', reason: 'Pending', message: 'no session has used a path yet' };
  const told = suspect.map((path) => `${path.localAddress} to ${path.remoteAddress} is ${path.state}`);
  return { type, status: 'False', reason: 'NoPath', message: joinMessages(told) };
}

// A path that nothing has used yet is no reason against being ready: paths are tried by the first session.
function ready(others: readonly Finding[], own: readonly Problem[]): Finding {
  const type = 'Ready';
  const direct = own.filter(({ code }) => problemReasons[code].condition === type);
  const failed = others.find(({ status }) => status === 'False');
  if (failed !== undefined) return { type, status: 'False', reason: failed.reason, message: failed.message };
  const [first] = direct;
  if (first !== undefined)
    return { type, status: 'False', reason: first.code, message: joinMessages(direct.map(sentenceOf)) };
  const open = others.find((finding) => finding.status === 'Unknown' && isRequired(finding.type));
  if (open !== undefined) return { type, status: 'Unknown', reason: open.reason, message: open.message };
  return { type, status: 'True', reason: 'Ready', message: '' };
}

function isRequired(type: ConditionType): boolean {
  return type !== 'Established';
}

function sentenceOf({ field, message }: Problem): string {
  return field === '' ? message : `${field}: ${message}`;
}

// Made once for a list, which never changes: asking for every object stays linear.
const indexes = new WeakMap<readonly Problem[], ReadonlyMap<string, readonly Problem[]>>();
const namesOfDns = new WeakMap<readonly DnsNameIr[], ReadonlySet<string>>();

function problemsByObject(problems: readonly Problem[]): ReadonlyMap<string, readonly Problem[]> {
  const known = indexes.get(problems) ?? Map.groupBy(problems, ({ object }) => describeRef(object));
  indexes.set(problems, known);
  return known;
}

function isNamed(dns: readonly DnsNameIr[], name: string): boolean {
  const known = namesOfDns.get(dns) ?? new Set(dns.map(({ service }) => service));
  namesOfDns.set(dns, known);
  return known.has(name);
}
