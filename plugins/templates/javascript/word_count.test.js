// The whole job on a small table: `node --test`.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Host, assertResumes } from './longshore-testing.js';

const job = await import('./job.js'); // after the host, which provides the modules that it imports

const NOTES = `
  CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
  INSERT INTO notes VALUES (1, 'one'), (2, 'two words'), (4, NULL), (7, ' and  now three '), (8, ''), (9, 'five');`;
const INPUT = { table: 'notes', column: 'text' };

// Two rows at a time, so that there are several batches.
const host = () => new Host({ sources: { notes: NOTES }, batchRows: 2 });

test('it describes itself', () => {
  const { name, inputSchema, outputSchema } = job.describe();
  assert.equal(name, 'word_count');
  for (const schema of [inputSchema, outputSchema]) assert.equal(JSON.parse(schema).type, 'object');
});

test('words are counted', () => {
  const notes = host();
  const result = notes.run(job, INPUT);
  assert.deepEqual(result, { records_processed: 5, words: 7, file: 'word_count.csv' });
  assert.equal(notes.artifacts['word_count.csv'].toString(), 'rowid,words\n1,1\n2,2\n7,3\n8,0\n9,1\n');
});

test('interruptions do not show in the file', () => {
  assertResumes(host, job, INPUT, (rows) => {
    const before = job.settings.rowsPerSave;
    job.settings.rowsPerSave = rows;
    return before;
  });
});

test('a wrong column is an invalid input', () => {
  const isRight = (error) => error.tag === 'invalid-input' && error.val.includes('no such column: notes.body');
  assert.throws(() => host().run(job, { ...INPUT, column: 'body' }), isRight);
});
