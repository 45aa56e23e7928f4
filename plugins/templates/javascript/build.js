// Makes word_count.wasm of job.js: `npm install`, then `npm run build`. Set WIT to the folder with job.wit where the
// template is no longer in the Longshore checkout it came with.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { componentize } from '@bytecodealliance/componentize-js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { component } = await componentize(await readFile(here('job.js'), 'utf8'), {
  witPath: process.env.WIT ?? here('../../../wit'),
  worldName: 'job',
  // Leave 'http' out of the list for a job that calls `fetch`, which its operator has to grant (`http` under [grants]).
  disableFeatures: ['http', 'fetch-event'],
});
await writeFile(here('word_count.wasm'), component);
console.log(`made ${here('word_count.wasm')}`);
