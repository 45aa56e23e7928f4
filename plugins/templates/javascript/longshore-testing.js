// A Longshore host in memory, to test a job with plain Node: no component is built. Needs Node 22.16 or newer.
//
// Import it before the job (which then has to be imported by `await import('./job.js')`), because it provides the modules
// `longshore:job/…`. It keeps the commit rule: what was not saved when an attempt ends badly is gone.

import { AssertionError } from 'node:assert';
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { inspect, isDeepStrictEqual } from 'node:util';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 16)) {
  throw new Error(`the tests need Node 22.16 or newer, for its SQLite and module hooks; this is Node ${process.versions.node}`);
}
const { registerHooks } = await import('node:module');
const { DatabaseSync } = await import('node:sqlite');

const CREATED_AT_MS = 1_795_168_800_000n; // 20 November 2026, 10:00 UTC: tests see one time

// What a killed attempt ends with.
export class Killed {}

// One task. `sources` are SQL scripts by name; `batchRows` is the most rows that a read returns; `state` is a text that an
// earlier attempt has saved.
export class Host {
  attempts = 0;
  saves = 0;
  log = [];
  #state = null;
  #written = new Map();
  #cleared = new Map(); // what files had before; it counts again unless a save follows
  #savedBy = 0;
  #sent = [];
  #committed = { lengths: new Map(), messages: 0 };
  #told = false;
  #dead = false;

  constructor({ sources = {}, secrets = {}, batchRows = Infinity, state } = {}) {
    Object.assign(this, { secrets, batchRows });
    if (state !== undefined) this.#state = { attempt: 1, bytes: new TextEncoder().encode(state) };
    this.databases = new Map();
    for (const name of Object.keys(sources).sort()) {
      const database = new DatabaseSync(':memory:');
      database.exec(sources[name]);
      this.databases.set(name, database);
    }
  }

  // Runs an attempt and returns the job's result. Throws what the job throws, or Killed. `stop` says where to end it, with
  // calls numbered from 1:
  // - toldAt: this call answers that the job is to stop, if it is one that answers
  // - killedAt: this call has no effect and never returns; one past the last is the end of the job
  // - killedAfterSave: the first save of a new state is committed but never returns
  run(job, input, stop = {}) {
    const { lengths, messages } = this.#committed;
    const before = this.#whole;
    this.#cleared.clear();
    this.#written = new Map([...lengths].map(([name, length]) => [name, before.get(name).subarray(0, length)]));
    this.#sent = this.#sent.slice(0, messages);
    this.attempts += 1;
    this.calls = [];
    this.stop = stop;
    this.#told = this.#dead = false;
    hosts.push(this);
    let result;
    try {
      result = JSON.parse(job.run(JSON.stringify(input)));
    } finally {
      hosts.pop();
    }
    if (stop.killedAt === this.calls.length + 1) throw new Killed();
    this.#commit();
    return result;
  }

  // The committed artifacts, by name.
  get artifacts() {
    const { lengths } = this.#committed;
    return Object.fromEntries([...lengths].map(([name, length]) => [name, this.#whole.get(name).subarray(0, length)]));
  }

  // The files, as if none had been cleared.
  get #whole() {
    return new Map([...this.#written, ...this.#cleared]);
  }

  // The committed messages.
  get messages() {
    return this.#sent.slice(0, this.#committed.messages);
  }

  #commit() {
    this.#cleared.clear();
    const lengths = new Map([...this.#written].map(([name, bytes]) => [name, bytes.length]));
    this.#committed = { lengths, messages: this.#sent.length };
  }

  #enter(call) {
    if (this.#dead || this.stop.killedAt === this.calls.length + 1) {
      this.#dead = true;
      throw new Killed();
    }
    this.calls.push(call);
  }

  #answer() {
    this.#told ||= this.stop.toldAt === this.calls.length;
    return this.#told ? 'stop' : 'proceed';
  }

  // ---- What the job calls, by interface.

  task = {
    current: () => {
      this.#enter('task');
      return {
        id: 'test-task',
        jobType: 'test',
        attempt: this.attempts,
        createdAtMs: CREATED_AT_MS,
        deadlineMs: CREATED_AT_MS + 600_000n,
        resumedFrom: this.#state?.attempt,
      };
    },
  };

  progress = {
    report: () => {
      this.#enter('progress');
      return this.#answer();
    },
  };

  checkpoint = {
    load: () => {
      this.#enter('load');
      return this.#state?.bytes;
    },
    save: (bytes) => {
      this.#enter('save');
      const before = this.#state?.bytes;
      this.#state = { attempt: this.attempts, bytes: Uint8Array.from(bytes) };
      this.saves += 1;
      this.#savedBy = this.attempts;
      this.#commit();
      if (this.stop.killedAfterSave && !isDeepStrictEqual(before, this.#state.bytes)) {
        this.#dead = true;
        throw new Killed();
      }
      return this.#answer();
    },
  };

  logging = {
    write: (level, message) => {
      this.#enter('log');
      this.log.push(`${level}: ${message}`);
    },
  };

  files = {
    open: (name) => {
      this.#enter('artifact');
      if (!/^(?!\.)[^/\\\p{Cc}]{1,128}$/u.test(name)) throw hostError('invalid_name', `\`${name}\` is not a plain file name`);
      if (!this.#written.has(name)) this.#written.set(name, Buffer.alloc(0));
      return {
        position: () => BigInt(this.#written.get(name).length),
        write: (bytes) => {
          this.#enter('write');
          this.#written.set(name, Buffer.concat([this.#written.get(name), bytes]));
        },
        clear: () => {
          this.#enter('clear');
          if (this.#savedBy === this.attempts) throw hostError('saved_already', 'this attempt has saved');
          if (!this.#cleared.has(name)) this.#cleared.set(name, this.#written.get(name));
          this.#written.set(name, Buffer.alloc(0));
        },
      };
    },
  };

  data = {
    sources: () => {
      this.#enter('sources');
      return [...this.databases.keys()];
    },
    revision: (source) => {
      this.#enter('revision');
      return this.#changes(source);
    },
    query: (source, sql, parameters) => {
      this.#enter('query');
      const database = this.databases.get(source);
      if (!database) throw hostError('source_unavailable', `there is no source \`${source}\``);
      try {
        const statement = database.prepare(sql);
        statement.setReadBigInts(true);
        statement.setReturnArrays(true);
        return this.#cursor(statement, statement.all(...parameters.map(({ val }) => val ?? null)));
      } catch (error) {
        throw hostError('query_failed', error.message);
      }
    },
  };

  #changes(source) {
    const database = this.databases.get(source);
    if (!database) throw hostError('source_unavailable', `there is no source \`${source}\``);
    return String(database.prepare('SELECT total_changes() AS count').get().count);
  }

  #cursor(statement, rows) {
    return {
      columns: () => statement.columns().map(({ name, type }) => ({ name, declaredType: type ?? undefined })),
      next: (maxRows) => {
        this.#enter('next rows');
        return rows.splice(0, Math.min(maxRows, this.batchRows)).map((row) => row.map(value));
      },
    };
  }

  outbox = {
    send: (message) => {
      this.#enter('send');
      if (this.#sent.some(({ key }) => key === message.key)) {
        throw hostError('duplicate_key', `\`${message.key}\` was sent already`);
      }
      this.#sent.push(message);
    },
  };

  secretStore = {
    get: (name) => {
      this.#enter('secret');
      if (!(name in this.secrets)) throw hostError('secret_unavailable', `there is no secret \`${name}\``);
      return this.secrets[name];
    },
  };
}

// A host error as componentize-js throws it.
function hostError(code, message) {
  return Object.assign(new Error(message), { payload: { code, message } });
}

function value(cell) {
  if (cell === null) return { tag: 'null' };
  if (typeof cell === 'bigint') return { tag: 'integer', val: cell };
  if (typeof cell === 'number') return { tag: 'real', val: cell };
  return typeof cell === 'string' ? { tag: 'text', val: cell } : { tag: 'blob', val: cell };
}

// ---- The modules that the job imports.

const hosts = [];
const KEY = 'longshore-testing';
// Where each interface is in Host, and its functions.
const INTERFACES = {
  artifacts: ['files', 'open'],
  checkpoint: ['checkpoint', 'load', 'save'],
  data: ['data', 'sources', 'query', 'revision'],
  log: ['logging', 'write'],
  outbox: ['outbox', 'send'],
  progress: ['progress', 'report'],
  secrets: ['secretStore', 'get'],
  task: ['task', 'current'],
};

globalThis[Symbol.for(KEY)] = hosts;
registerHooks({
  resolve(specifier, context, next) {
    const name = /^longshore:job\/([a-z]+)@/.exec(specifier)?.[1];
    return name in INTERFACES ? { url: `${KEY}:${name}`, format: 'module', shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith(`${KEY}:`)) return next(url, context);
    const [place, ...functions] = INTERFACES[url.slice(KEY.length + 1)];
    const source = functions.map(
      (name) => `export const ${name} = (...args) => globalThis[Symbol.for('${KEY}')].at(-1).${place}.${name}(...args);`,
    );
    return { format: 'module', source: source.join('\n'), shortCircuit: true };
  },
});

// ---- The test of resuming.

// Runs a job undisturbed, then again and again with one attempt ended early, and fails unless the next attempt brings about
// the same result, artifacts and messages. Returns the undisturbed host and its result.
//
// An attempt is ended at each call it makes of the host: killed there, and at a report of progress or a save also told to
// stop. Once every attempt is killed right after its first save, until the job is done. Fails, too, if the job never saved:
// then nothing was tested.
//
// `setInterval` sets the distance between the job's saves; all that is done with 1 and 3, too, and few rows at a time, so
// that a few rows of data are enough. Leave it out for a job that has no distance to set.
export function assertResumes(makeHost, job, input, setInterval) {
  let saves = 0;
  let first;
  const small = setInterval ? [{ steps: 1, batchRows: 1 }, { steps: 3, batchRows: 2 }] : [];
  for (const { steps, batchRows } of [{}, ...small]) {
    const host = () => {
      const made = makeHost();
      made.batchRows = batchRows ?? made.batchRows;
      return made;
    };
    const own = steps && setInterval(steps);
    try {
      const undisturbed = host();
      const result = undisturbed.run(job, input);
      const distance = steps ? `a save is due at every ${steps} steps` : "the job's own distance between saves";
      stopEverywhere(host, job, input, undisturbed, result, distance);
      saves += undisturbed.saves;
      first ??= { host: undisturbed, result };
    } finally {
      if (steps) setInterval(own);
    }
  }
  if (saves === 0) {
    fail(
      'the job never saved, so there was nothing to resume from. Have the test\'s data cross a save, or pass a function that ' +
        'sets the distance between saves',
    );
  }
  return first;
}

function stopEverywhere(host, job, input, undisturbed, result, distance) {
  const calls = undisturbed.calls;
  const expected = outcome(undisturbed, result);
  for (let number = 1; number <= calls.length + 1; number += 1) {
    const name = calls[number - 1] ?? 'the end of the job';
    const saved = calls.slice(0, number - 1).filter((call) => call === 'save').length;
    const place = `call ${number} of ${calls.length} (${name}), after ${saved} saves; ${distance}`;
    const ways = [['killed', { killedAt: number }, (error) => error instanceof Killed]];
    if (name === 'progress' || name === 'save') {
      ways.push(['told to stop', { toldAt: number }, (error) => error?.tag === 'cancelled']);
    }
    for (const [how, stop, isExpected] of ways) {
      const disturbed = host();
      let end;
      try {
        end = disturbed.run(job, input, stop);
      } catch (error) {
        end = error;
      }
      if (!isExpected(end)) fail(`${how} at ${place}: the job did not end as cancelled, but with ${inspect(end)}`);
      compare(expected, outcome(disturbed, disturbed.run(job, input)), `${how} at ${place}`);
    }
  }

  const disturbed = host();
  for (let kills = 0; kills <= undisturbed.saves; kills += 1) {
    try {
      const end = disturbed.run(job, input, { killedAfterSave: true });
      return compare(expected, outcome(disturbed, end), `killed ${kills} times, each right after a save; ${distance}`);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
  }
  fail(
    `the job does not get ahead: it was killed right after each of ${disturbed.saves} saves, as many as an undisturbed run ` +
      'makes, and still saved again. Begin with `checkpoint.load()` and go on after what it returns',
  );
}

const outcome = ({ artifacts, messages }, result) => ({ artifacts, messages, result });

function compare(expected, actual, place) {
  const difference = firstDifference(expected, actual);
  if (difference) {
    fail(
      `the resumed job did not bring about the same as an undisturbed one.\n  stopped:     ${place}\n${difference}`,
    );
  }
}

function firstDifference({ artifacts, messages, result }, actual) {
  const [names, otherNames] = [Object.keys(artifacts).sort(), Object.keys(actual.artifacts).sort()];
  if (!isDeepStrictEqual(names, otherNames)) return sides('The names of the artifacts differ.', names, otherNames);
  const name = names.find((name) => !artifacts[name].equals(actual.artifacts[name]));
  if (name) return bytesDiffer(name, artifacts[name], actual.artifacts[name]);
  if (!isDeepStrictEqual(messages, actual.messages)) {
    const at = equal(messages, actual.messages);
    const head = `Message ${at + 1} differs; undisturbed there are ${messages.length}, resumed ${actual.messages.length}.`;
    return sides(head, messages[at], actual.messages[at]);
  }
  return isDeepStrictEqual(result, actual.result) ? null : sides('The result differs.', result, actual.result);
}

function sides(head, undisturbed, resumed) {
  return `${head}\n  undisturbed: ${JSON.stringify(undisturbed)}\n  resumed:     ${JSON.stringify(resumed)}`;
}

// How many items agree from the start.
function equal(one, other) {
  const end = Math.min(one.length, other.length);
  let at = 0;
  while (at < end && isDeepStrictEqual(one[at], other[at])) at += 1;
  return at;
}

function bytesDiffer(name, one, other) {
  const at = equal(one, other);
  const line = one.subarray(0, at).filter((byte) => byte === 10).length + 1;
  const around = (bytes) => bytes.subarray(Math.max(at - 24, 0), at + 40).toString();
  const head =
    `\`${name}\` differs from byte ${at} on (line ${line}); ` +
    `undisturbed it has ${one.length} bytes, resumed ${other.length}.`;
  const text = sides(head, around(one), around(other));
  const [missing, extra] = [skipped(one.subarray(at), other.subarray(at)), skipped(other.subarray(at), one.subarray(at))];
  if (missing) {
    return (
      `${text}\n${missing} bytes are missing. Either the state was ahead of the file when it was saved, or something held ` +
      'them back at the save: write what is buffered before `checkpoint.save`.'
    );
  }
  if (extra) {
    return (
      `${text}\n${extra} bytes are too many. The next attempt did again what had been saved: begin with ` +
      '`checkpoint.load()`, and bring the state up to date with all that was written before `checkpoint.save`.'
    );
  }
  return text;
}

// How many bytes of `longer` have to be left out for it to go on as `shorter` does; 0 if there is no such number.
function skipped(longer, shorter) {
  if (longer.length <= shorter.length) return 0;
  const start = shorter.subarray(0, 8);
  return start.length === 0 ? longer.length : Math.max(longer.indexOf(start, 1), 0);
}

function fail(message) {
  throw new AssertionError({ message, stackStartFn: assertResumes });
}
