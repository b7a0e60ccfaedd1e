import { type ChildProcess, spawn } from 'node:child_process';
import { before, eventually } from './eventually.ts';
import { guard } from './leftover-guard.ts';

/** A program that runs beside us until it is told to end. */
export class Process {
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #exit: Promise<number | null>;
  #stdout = '';
  #stderr = '';
  #hasEnded = false;

  constructor(command: readonly string[], onOutput: (bytes: Buffer) => void = () => undefined) {
    const [program = '', ...args] = command;
    this.#command = command.join(' ');
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      this.#stdout = `${this.#stdout}${bytes.toString('latin1')}`.slice(-200_000);
      onOutput(bytes);
    });
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#stderr = `${this.#stderr}${bytes.toString('utf8')}`.slice(-200_000);
    });
    const guarded = guard(`process ${this.#child.pid}`, () => this.#child.kill('SIGKILL'));
    this.#exit = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.#hasEnded = true;
        guarded.release();
        resolve(code);
      };
      this.#child.on('error', (error) => {
        this.#stderr += error.message;
        end(127);
      });
      this.#child.on('close', end);
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it has printed what `pattern` matches; rejects when it ends before. */
  async hasPrinted(pattern: RegExp, within = 10_000): Promise<RegExpExecArray> {
    return eventually(
      `${this.#command} prints ${pattern.source}`,
      () => {
        const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
        if (found === null && this.#hasEnded) throw new Error(`it ended: ${this.#stderr || this.#stdout}`);
        return found ?? undefined;
      },
      { within, every: 20 },
    );
  }

  /** Its exit code; null when a signal ended it. */
  async ended(within = 15_000): Promise<number | null> {
    return before(`${this.#command} ends\n${this.#stderr.slice(-2000)}`, within, this.#exit);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it with `signal`; its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', within = 15_000): Promise<number | null> {
    if (!this.#hasEnded) this.signal(signal);
    return this.ended(within);
  }
}
