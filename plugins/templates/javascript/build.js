// Builds word_count.wasm from job.js: `npm ci`, then `npm run build`.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { componentize } from '@bytecodealliance/componentize-js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { component } = await componentize(await readFile(here('job.js'), 'utf8'), {
  witPath: here('wit'),
  worldName: 'job',
  // Leave 'http' out of the list for a job that calls `fetch`, which its operator has to grant (`http` under [grants]).
  disableFeatures: ['http', 'fetch-event'],
});
await writeFile(here('word_count.wasm'), component);
console.log(`made ${here('word_count.wasm')}`);
