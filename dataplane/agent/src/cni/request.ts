import { z } from 'zod';
import { canonicalAddress } from '../addresses/address.ts';
import type { Attachment, PodName } from '../pods/binding.ts';

const text = z.string().max(4_096);
const ip = z.object({ address: text, interface: z.number().int().optional() });
const attachment = z.object({ containerID: text, ifname: text });

const requestSchema = z.object({
  command: z.enum(['ADD', 'DEL', 'CHECK', 'STATUS', 'GC']),
  env: z.object({ CNI_CONTAINERID: text.default(''), CNI_IFNAME: text.default(''), CNI_ARGS: text.default('') }),
  config: z.object({
    mode: z.enum(['Chained', 'Primary']),
    prevResult: z
      .object({
        ips: z.array(ip).max(64).default([]),
        interfaces: z
          .array(z.object({ sandbox: text.default('') }))
          .max(64)
          .default([]),
      })
      .optional(),
    'cni.dev/valid-attachments': z.array(attachment).max(100_000).optional(),
  }),
});

/** What the plugin asks on behalf of a container runtime. */
export interface CniRequest {
  readonly command: z.infer<typeof requestSchema>['command'];
  readonly mode: 'Chained' | 'Primary';
  readonly attachment: Attachment;
  readonly pod: PodName;
  /** Addresses that the plugins before this one gave, in canonical form. */
  readonly addresses: readonly string[];
  /** The interfaces that still exist, where the runtime says so. */
  readonly valid: readonly Attachment[] | undefined;
}

/** The request in a line of JSON; throws an error whose sentence names what is wrong with it. */
export function parseRequest(line: string): CniRequest {
  const parsed = requestSchema.safeParse(JSON.parse(line));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { command, env, config } = parsed.data;
  return {
    command,
    mode: config.mode,
    attachment: { containerId: env.CNI_CONTAINERID, interface: env.CNI_IFNAME },
    pod: podOf(env.CNI_ARGS),
    addresses: addressesOf(config.prevResult),
    valid: config['cni.dev/valid-attachments']?.map(({ containerID, ifname }) => ({
      containerId: containerID,
      interface: ifname,
    })),
  };
}

// The runtime gives them in any order.
function podOf(args: string): PodName {
  const pairs = new Map(args.split(';').map((pair) => [pair.replace(/=.*$/s, ''), pair.replace(/^[^=]*=?/, '')]));
  return {
    uid: pairs.get('K8S_POD_UID') ?? '',
    namespace: pairs.get('K8S_POD_NAMESPACE') ?? '',
    name: pairs.get('K8S_POD_NAME') ?? '',
  };
}

type PrevResult = z.infer<typeof requestSchema>['config']['prevResult'];

// An address without an interface is the container's; of interfaces, those in a sandbox are.
function addressesOf(result: PrevResult): readonly string[] {
  const { ips = [], interfaces = [] } = result ?? {};
  const own = ips.filter((one) => one.interface === undefined || interfaces[one.interface]?.sandbox !== '');
  const found = own.map(({ address }) => canonicalAddress(address.split('/')[0] ?? ''));
  return [...new Set(found.filter((address) => address !== undefined))];
}
