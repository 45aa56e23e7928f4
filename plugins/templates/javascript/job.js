// A job to start from: counts the words of a text column, row by row, and writes the counts to a CSV.
//
// It is small but does what a job should: a schema whose descriptions are read by agents, errors that say what to do,
// progress, and checkpoints. README.md says how to rename, test, build and install it.

import * as artifacts from 'longshore:job/artifacts@0.1.0';
import * as checkpoint from 'longshore:job/checkpoint@0.1.0';
import * as data from 'longshore:job/data@0.1.0';
import * as progress from 'longshore:job/progress@0.1.0';

// Rows from one save to the next: a save costs an fsync or two, so this should be about a second of work. In an object,
// because the test makes it smaller.
export const settings = { rowsPerSave: 10_000 };
const ROWS_PER_READ = 1_000;
const FILE = 'word_count.csv';

const INPUT = {
  type: 'object',
  properties: {
    table: { type: 'string', description: 'Table to read.' },
    column: { type: 'string', description: 'Column whose words are counted.' },
  },
  required: ['table', 'column'],
  additionalProperties: false,
};
const OUTPUT = {
  type: 'object',
  properties: {
    records_processed: { type: 'integer', description: 'Rows that were read.' },
    words: { type: 'integer', description: 'Words in all of them.' },
    file: { type: 'string', description: 'Name of the file with the count of each row.' },
  },
  required: ['records_processed', 'words', 'file'],
};

export function describe() {
  return {
    // The name must be that of the file: word_count.wasm.
    name: 'word_count',
    version: '0.1.0',
    title: 'Word count',
    description:
      'Counts the words of a text column of a table, row by row, and writes the counts to a CSV. The result has the ' +
      'number of words in all rows.',
    inputSchema: JSON.stringify(INPUT),
    outputSchema: JSON.stringify(OUTPUT),
    permissions: [{ kind: 'data', target: '*', reason: 'Reads the column whose words it counts.' }],
  };
}

export function run(input) {
  const argument = JSON.parse(input);
  const [table, column] = [quoted(argument.table), quoted(argument.column)];
  const [source] = data.sources();
  const [[[total]]] = query(source, `SELECT count(${table}.${column}) FROM ${table}`, []);

  // Nothing on the first attempt; after an interruption, what the last save remembered. Numbers of rows are BigInt, as a
  // 64-bit integer does not fit a number; JSON has none, so they are saved as text.
  const saved = checkpoint.load();
  const state = saved ? JSON.parse(new TextDecoder().decode(saved)) : { lastRowid: String(-(2n ** 63n)), rows: 0, words: 0 };
  let rowsSaved = state.rows;
  // Rows come in the order of the key, and reading goes on after the last one: so an interrupted run writes the same file
  // as an undisturbed one.
  const sql =
    `SELECT rowid, CAST(${column} AS TEXT) FROM ${table} ` +
    `WHERE rowid > ? AND ${table}.${column} IS NOT NULL ORDER BY rowid`;
  const csv = artifacts.open(FILE, 'text/csv');
  if (csv.position() === 0n) write(csv, 'rowid,words\n');
  for (const batch of query(source, sql, [{ tag: 'integer', val: BigInt(state.lastRowid) }])) {
    const counts = batch.map(([rowid, text]) => [rowid, text.split(/\s+/).filter(Boolean).length]);
    write(csv, counts.map(([rowid, words]) => `${rowid},${words}\n`).join(''));
    state.lastRowid = String(counts.at(-1)[0]);
    state.rows += counts.length;
    state.words += counts.reduce((sum, [, words]) => sum + words, 0);
    const all = BigInt(state.rows);
    goOn(progress.report(all, total > all ? total : all, 'counting words'));
    if (state.rows - rowsSaved >= settings.rowsPerSave) {
      goOn(checkpoint.save(new TextEncoder().encode(JSON.stringify(state))));
      rowsSaved = state.rows;
    }
  }
  return JSON.stringify({ records_processed: state.rows, words: state.words, file: FILE });
}

// The rows of a query, batch by batch, so that memory stays small however many there are.
function* query(source, sql, parameters) {
  try {
    const cursor = data.query(source, sql, parameters);
    for (;;) {
      const batch = cursor.next(ROWS_PER_READ);
      if (batch.length === 0) return;
      yield batch.map((row) => row.map((value) => value.val ?? null));
    }
  } catch (error) {
    if (!error.payload?.message) throw error;
    throw { tag: 'invalid-input', val: `the column cannot be read: ${error.payload.message}` };
  }
}

function write(file, text) {
  file.write(new TextEncoder().encode(text));
}

// Ends the job when it was told to stop.
function goOn(signal) {
  if (signal === 'stop') throw { tag: 'cancelled' };
}

// A name as SQL writes it. Values are never written into SQL: they are bound to `?`.
function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`;
}
