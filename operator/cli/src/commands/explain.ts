import { isIP } from 'node:net';
import { type Endpoint, type ExplainRequest, Explanation } from '@quiver/dataplane-api';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { type ClusterOptions, meansCluster } from '../cluster/options.ts';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, usageFailure } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';
import { socketOption } from './socket-option.ts';

export interface ExplainOptions extends ClusterOptions {
  readonly from: string;
  readonly to: string;
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  readonly interface?: string;
  readonly output: 'text' | 'json' | 'yaml';
}

const numbers = { tcp: 6, udp: 17, icmp: 1 } as const;

export function explainCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('explain')
    .description('what would happen to a conversation, decision by decision, from the tables in force')
    .requiredOption('--from <client>', 'address[:port]; in a cluster NAMESPACE/POD')
    .requiredOption('--to <service>', 'address[:port]; in a cluster [NAMESPACE/]SERVICE[:PORT]')
    .addOption(new Option('--protocol <name>', 'TCP when a port is given').choices(['tcp', 'udp', 'icmp']))
    .option('--interface <name>', 'interface it comes in by (default: where the route to the client leads)')
    .addOption(outputOption('text', 'json', 'yaml'))
    .addOption(socketOption())
    .addHelpText('after', '\nExit code 1: it would not be forwarded.')
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<ExplainOptions>();
      if (meansCluster(options, context))
        return (await import('../cluster/explain.ts')).explainInCluster(options, { context, outcome });
      const request = requestOf(options);
      return Connection.with(options.socket, context, async (connection) => {
        const explanation = await connection.ask<Explanation>((done) => connection.client.explain(request, done));
        context.stdout.write(render(explanation, options.output, context.hasColor));
        if (explanation.verdict !== 'Forwarded') outcome.exitCode = exitCodes.failure;
      });
    });
}

function requestOf(options: ExplainOptions): ExplainRequest {
  const from = parseEndpoint(options.from, '--from');
  const to = parseEndpoint(options.to, '--to');
  const name = options.protocol ?? (to.port === 0 ? 'icmp' : 'tcp');
  if (name !== 'icmp' && to.port === 0) throw usageFailure(`--to needs a port for ${name}, such as ${options.to}:443`);
  if (isIP(from.address) !== isIP(to.address)) throw usageFailure('--from and --to must be of one address family');
  return { from, to, protocol: numbers[name], interface: options.interface ?? '' };
}

/** Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` and `[2001:db8::1]:80`. */
export function parseEndpoint(text: string, flag: string): Endpoint {
  const match = isIP(text) === 0 ? /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(text) : [text, text, '0'];
  const address = match?.[1] ?? '';
  const port = Number(match?.[2]);
  if (isIP(address) === 0 || port > 65_535)
    throw usageFailure(`${flag} ${text} is no address with a port; write 192.0.2.1:80 or [2001:db8::1]:80`);
  return { address, port };
}

function render(explanation: Explanation, output: ExplainOptions['output'], hasColor: boolean): string {
  return output === 'text' ? renderSteps(explanation, hasColor) : structured(Explanation.toJSON(explanation), output);
}

/** An explanation for people: a line for each decision, then the verdict. */
export function renderSteps({ steps, verdict, reason, session }: Explanation, hasColor: boolean): string {
  const color = pc.createColors(hasColor);
  const width = Math.max(0, ...steps.map(({ step }) => step.length));
  const numberWidth = String(steps.length).length;
  const lines = steps.map(({ step, passed, detail }, index) => {
    const mark = passed ? color.green('ok     ') : color.red('refused');
    return `${String(index + 1).padStart(numberWidth)}. ${step.padEnd(width)}   ${mark}   ${detail}`;
  });
  lines.push(verdict === 'Forwarded' ? color.green(verdict) : `${color.red(verdict)}: ${reason}`);
  if (session !== undefined)
    lines.push(`Session ${session.sessionId} carries it now (${session.state}, ${session.security}).`);
  return lines.map((line) => `${line}\n`).join('');
}
