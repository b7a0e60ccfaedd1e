import { Option } from 'commander';
import { stringify } from 'yaml';

/** A value for programs. */
export function structured(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json'
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** `-o`, with the formats that a command knows; the first is the usual one. */
export function outputOption(...formats: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to print').choices(formats).default(formats[0]);
}
