import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertValid } from '../ir/validate.ts';
import { CRD_FOLDER } from '../schema/index.ts';
import { crds, routerYaml } from '../testing/example.ts';
import { snapshotOfText } from '../testing/golden-case.ts';
import { translate } from './index.ts';

const folder = join(CRD_FOLDER, 'examples');

/** Each example shows one thing, so that what it refers to is often elsewhere. */
const incomplete = new Set(['NoRoute', 'ReferenceNotAccepted', 'UnknownPeer', 'UnknownService', 'UnknownTenant']);

describe('examples of the definitions', () => {
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.yaml'))) {
    it(`${name} is taken, or refused as not supported yet`, () => {
      const waypoints = '{address: 203.0.113.11}, {name: six, address: "2001:db8::11"}';
      const router = routerYaml.replace('{address: 203.0.113.11}', waypoints);
      const { snapshot } = snapshotOfText(`${router}---\n${readFileSync(join(folder, name), 'utf8')}`, crds);
      assert.ok(snapshot !== undefined);
      const { ir, problems } = translate(snapshot);
      assertValid(ir);
      const told = [...snapshot.problems, ...problems].filter(({ code }) => !incomplete.has(code));
      assert.deepEqual(
        told.filter(({ code }) => code !== 'NotSupported'),
        [],
      );
    });
  }
});
