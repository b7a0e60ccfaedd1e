import { z } from 'zod';

/** What a machine has and how it is set. No value is a secret, nor can one be found from it. */
export const factsSchema = z.object({
  /** Wall clock, milliseconds since 1970. */
  nowMs: z.number(),
  kernel: z.string(),
  /** `/dev/net/tun` is there. */
  hasTun: z.boolean(),
  ipForward: z.object({ ipv4: z.boolean(), ipv6: z.boolean() }),
  /** `net.ipv4.conf.all.rp_filter`. */
  rpFilter: z.number(),
  /** Ports that the kernel gives to clients on this machine. */
  localPorts: z.object({ first: z.number(), last: z.number() }),
  interfaces: z.array(z.object({ name: z.string(), mtu: z.number(), addresses: z.array(z.string()) })),
  /** The file that the container runtime uses, the first by name; absent where there is none. */
  cni: z.object({ file: z.string(), plugins: z.array(z.string()) }).optional(),
  /** Of the configuration in force; absent before the first. */
  config: z
    .object({
      waypoints: z.array(z.string()),
      waypointPorts: z.object({ first: z.number(), last: z.number() }),
      servicePool: z.array(z.string()),
      returnPool: z.array(z.string()),
      /** One short print for each fabric secret: equal when the secrets are. */
      secrets: z.array(z.object({ version: z.number(), print: z.string() })),
      activeSecret: z.number(),
    })
    .optional(),
});

export type Facts = z.infer<typeof factsSchema>;
export type ConfigFacts = NonNullable<Facts['config']>;
