import assert from 'node:assert/strict';
import { Table } from './table.ts';

interface Row {
  readonly name: string;
  readonly age: string;
}

const columns = [
  { title: 'NAME', value: ({ name }: Row) => name },
  { title: 'AGE', value: ({ age }: Row) => age },
];

describe('tables', () => {
  it('have aligned columns, no boxes and no blanks at the end', () => {
    const text = new Table<Row>(columns).print([
      { name: 'prod/database', age: '3m' },
      { name: 'web', age: '12s' },
    ]);
    assert.equal(text, 'NAME            AGE\nprod/database   3m\nweb             12s\n');
  });

  it('show a dash where there is nothing', () => {
    assert.equal(new Table<Row>(columns).print([{ name: '', age: '' }]), 'NAME   AGE\n-      -\n');
  });

  it('keep their columns for rows that come later', () => {
    const table = new Table<Row>(columns);
    table.print([{ name: 'prod/database', age: '3m' }]);
    assert.equal(table.append([{ name: 'web', age: '1s' }]), 'web             1s\n');
  });
});
