import { Option } from 'commander';

/** `--socket`, of every command that asks a running router. */
export function socketOption(): Option {
  return new Option(
    '--socket <path>',
    'socket of the router (default: $QUIVER_SOCKET, or the only one in /run/quiver)',
  );
}
