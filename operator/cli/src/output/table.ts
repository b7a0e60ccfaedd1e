/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
}

const gap = '   ';

/** A table as kubectl prints it: upper-case titles, columns apart by blanks, no boxes. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  #widths: number[];

  constructor(columns: readonly Column<Row>[]) {
    this.#columns = columns;
    this.#widths = columns.map(({ title }) => title.length);
  }

  /** Titles and rows. */
  print(rows: readonly Row[]): string {
    const cells = this.#cells(rows);
    return this.#lines([this.#columns.map(({ title }) => title), ...cells]);
  }

  /** Rows below what was printed before, in columns that only ever grow. */
  append(rows: readonly Row[]): string {
    return this.#lines(this.#cells(rows));
  }

  #cells(rows: readonly Row[]): string[][] {
    const cells = rows.map((row) => this.#columns.map(({ value }) => value(row) || '-'));
    this.#widths = this.#widths.map((width, index) => Math.max(width, ...cells.map((row) => row[index]?.length ?? 0)));
    return cells;
  }

  #lines(rows: readonly (readonly string[])[]): string {
    const lines = rows.map((row) =>
      row
        .map((cell, index) => cell.padEnd(this.#widths[index] ?? 0))
        .join(gap)
        .trimEnd(),
    );
    return lines.map((line) => `${line}\n`).join('');
  }
}
