-- The name of the schedule that submitted a task. It outlives the schedule.
ALTER TABLE tasks ADD COLUMN schedule TEXT;

-- Jobs that come again. A schedule stays due until somebody sees to it, so a time that was missed comes once. Numbers
-- are never used twice, and revision grows with each change: together they guard what was read.
CREATE TABLE schedules (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision        INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
    owner           TEXT    NOT NULL CHECK (owner <> ''),
    name            TEXT    NOT NULL CHECK (name <> ''),
    origin          TEXT    NOT NULL CHECK (origin IN ('config', 'agent')),
    job_type        TEXT    NOT NULL CHECK (job_type <> ''),
    payload         TEXT    NOT NULL,
    cron            TEXT    NOT NULL,
    time_zone       TEXT    NOT NULL,
    overlap         TEXT    NOT NULL CHECK (overlap IN ('skip', 'queue')),
    priority        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    next_at         INTEGER NOT NULL,
    last_at         INTEGER,
    last_outcome    TEXT    CHECK (last_outcome IN ('started', 'skipped', 'refused')),
    last_task       BLOB    CHECK (length(last_task) = 16),
    refusal_code    TEXT,
    refusal_message TEXT,
    CHECK ((last_at IS NULL) = (last_outcome IS NULL)),
    CHECK ((last_outcome IS 'refused') = (refusal_code IS NOT NULL)),
    CHECK ((refusal_code IS NULL) = (refusal_message IS NULL)),
    CHECK (last_outcome IS NOT 'started' OR last_task IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX schedules_name ON schedules (owner, name);

CREATE INDEX schedules_due ON schedules (job_type, next_at);
