import { pino, stdTimeFunctions } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Structured log lines. Addresses appear at debug only; warn means that somebody may be woken. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines carry these fields as well. */
  with(fields: LogFields): Logger;
}

interface PinoLike {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): PinoLike;
}

/** JSON lines on the given stream. */
export function jsonLogger(level: LogLevel, destination: NodeJS.WritableStream): Logger {
  const formatters = { level: (label: string) => ({ level: label }) };
  return wrap(pino({ level, base: null, formatters, timestamp: stdTimeFunctions.isoTime }, destination));
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  const silent: Logger = { debug: noop, info: noop, warn: noop, error: noop, with: () => silent };
  return silent;
}

function wrap(inner: PinoLike): Logger {
  return {
    debug: (message, fields = {}) => inner.debug(fields, message),
    info: (message, fields = {}) => inner.info(fields, message),
    warn: (message, fields = {}) => inner.warn(fields, message),
    error: (message, fields = {}) => inner.error(fields, message),
    with: (fields) => wrap(inner.child(fields)),
  };
}

function noop(): void {
  // A line nobody reads.
}
