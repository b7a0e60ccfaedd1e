// Everything that needs neither root nor a cluster.
import { rustStages, typescriptStages } from './checks.ts';
import { addCounts } from './counts.ts';
import { runLanes } from './stage.ts';

const reports = await runLanes([typescriptStages(), rustStages()]);
const { passed, failed } = addCounts(reports.map((report) => report.counts));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
