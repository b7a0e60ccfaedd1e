// Writes every generated file. `check` uses the same list to see that the committed ones are current.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GENERATORS } from './generators.ts';
import { ROOT } from './stage.ts';

async function main(): Promise<void> {
  for (const generator of GENERATORS) {
    const files = await generator.generate();
    rmSync(join(ROOT, generator.target), { recursive: true, force: true });
    for (const [path, content] of files) {
      const target = join(ROOT, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content);
    }
    console.log(`${generator.target}: ${files.size} files`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
