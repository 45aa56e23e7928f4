-- A task's state is where its row is: in ready (queued), scheduled, running or finished. What is hot is small: a row
-- leaves ready, scheduled and running when the task moves on, so a claim costs the same beside a million finished
-- tasks. Times are milliseconds since the Unix epoch; u64 values are stored with the same 64 bits.

-- What was submitted; never changed. The order of submission is the order of seq.
CREATE TABLE tasks (
    seq             INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    owner           TEXT    NOT NULL CHECK (owner <> ''),
    job_type        TEXT    NOT NULL CHECK (job_type <> ''),
    idempotency_key TEXT,
    priority        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    deadline_at     INTEGER,
    ttl_ms          INTEGER NOT NULL,
    payload         TEXT    NOT NULL
) STRICT;

CREATE INDEX tasks_listing ON tasks (owner, job_type, seq);

CREATE UNIQUE INDEX tasks_key ON tasks (owner, job_type, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Queued tasks, in the order in which they are claimed. rank is the negated priority.
CREATE TABLE ready (
    job_type         TEXT    NOT NULL,
    rank             INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    counted          INTEGER NOT NULL CHECK (counted BETWEEN 0 AND attempts),
    first_started_at INTEGER,
    deadline_at      INTEGER,
    since            INTEGER NOT NULL,
    PRIMARY KEY (job_type, rank, seq),
    CHECK ((counted = 0) = (first_started_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX ready_deadline ON ready (deadline_at, seq) WHERE deadline_at IS NOT NULL;

-- Tasks that are due later: delayed, or waiting out a backoff.
CREATE TABLE scheduled (
    seq              INTEGER PRIMARY KEY,
    job_type         TEXT    NOT NULL,
    due_at           INTEGER NOT NULL,
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    counted          INTEGER NOT NULL CHECK (counted BETWEEN 0 AND attempts),
    first_started_at INTEGER,
    deadline_at      INTEGER,
    since            INTEGER NOT NULL,
    CHECK ((counted = 0) = (first_started_at IS NULL))
) STRICT;

CREATE INDEX scheduled_due ON scheduled (due_at, seq);

CREATE INDEX scheduled_deadline ON scheduled (deadline_at, seq) WHERE deadline_at IS NOT NULL;

-- Running attempts. Keyed by the id that workers know, so that their writes touch no cold index.
CREATE TABLE running (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    seq              INTEGER NOT NULL,
    job_type         TEXT    NOT NULL,
    attempt          INTEGER NOT NULL CHECK (attempt >= 1),
    counted          INTEGER NOT NULL CHECK (counted BETWEEN 1 AND attempt),
    lease_until      INTEGER NOT NULL,
    started_at       INTEGER NOT NULL,
    first_started_at INTEGER NOT NULL,
    deadline_at      INTEGER,
    updated_at       INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    done             INTEGER NOT NULL,
    total            INTEGER,
    message          TEXT    NOT NULL,
    worker           TEXT    NOT NULL,
    component        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX running_job_type ON running (job_type);

CREATE INDEX running_cancel ON running (worker) WHERE cancel_requested = 1;

-- Ended tasks. owner and job_type repeat those of the task for the sake of the listing index.
CREATE TABLE finished (
    seq              INTEGER PRIMARY KEY REFERENCES tasks (seq) ON DELETE CASCADE,
    state            TEXT    NOT NULL CHECK (state IN ('completed', 'failed', 'cancelled')),
    owner            TEXT    NOT NULL,
    job_type         TEXT    NOT NULL,
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    first_started_at INTEGER,
    finished_at      INTEGER NOT NULL,
    done             INTEGER NOT NULL,
    total            INTEGER,
    message          TEXT    NOT NULL,
    failure_code     TEXT,
    failure_message  TEXT,
    failure_detail   TEXT,
    result           TEXT,
    CHECK ((state = 'completed') = (result IS NOT NULL)),
    CHECK ((state = 'failed') = (failure_code IS NOT NULL AND failure_message IS NOT NULL)),
    CHECK (state <> 'completed' OR attempts >= 1)
) STRICT;

CREATE INDEX finished_listing ON finished (state, owner, job_type, seq);

-- Completed tasks whose artifacts have not reached their final place.
CREATE TABLE unpublished (
    seq INTEGER PRIMARY KEY REFERENCES finished (seq) ON DELETE CASCADE
) STRICT;

-- Attempts that ended. The running one is in running.
CREATE TABLE attempts (
    seq          INTEGER NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    number       INTEGER NOT NULL CHECK (number >= 1),
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    outcome      TEXT    NOT NULL,
    fuel         INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    worker       TEXT    NOT NULL,
    component    TEXT    NOT NULL,
    message      TEXT,
    detail       TEXT,
    PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;

-- The last save of each task that has one and has not completed. state comes last: what is before it is read
-- without it.
CREATE TABLE checkpoints (
    seq      INTEGER PRIMARY KEY REFERENCES tasks (seq) ON DELETE CASCADE,
    attempt  INTEGER NOT NULL CHECK (attempt >= 1),
    saves    INTEGER NOT NULL CHECK (saves >= 1),
    messages INTEGER NOT NULL CHECK (messages >= 0),
    done     INTEGER NOT NULL,
    total    INTEGER,
    message  TEXT    NOT NULL,
    state    BLOB    NOT NULL
) STRICT;

-- Artifacts as the last save or the successful end recorded them; only the end knows digests.
CREATE TABLE artifacts (
    seq        INTEGER NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    ordinal    INTEGER NOT NULL CHECK (ordinal >= 0),
    name       TEXT    NOT NULL CHECK (name <> '' AND instr(name, '/') = 0),
    media_type TEXT    NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    sha256     TEXT    CHECK (length(sha256) = 64),
    PRIMARY KEY (seq, ordinal)
) STRICT, WITHOUT ROWID;

-- Committed messages, in the order of their commit.
CREATE TABLE outbox (
    number       INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    seq          INTEGER NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    delivered_at INTEGER,
    tries        INTEGER NOT NULL CHECK (tries >= 0),
    last_error   TEXT,
    channel      TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    recipient    TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
) STRICT;

CREATE INDEX outbox_task ON outbox (seq, number);

-- Pending messages, and when each may next be tried.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY REFERENCES outbox (number) ON DELETE CASCADE,
    due_at INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_due ON deliveries (due_at, number);

-- Lines of each task's log, numbered from 0.
CREATE TABLE task_log (
    seq     INTEGER NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    line    INTEGER NOT NULL CHECK (line >= 0),
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    level   TEXT    NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
    message TEXT    NOT NULL,
    PRIMARY KEY (seq, line)
) STRICT, WITHOUT ROWID;
