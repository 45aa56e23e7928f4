-- When a finished task may be pruned.
ALTER TABLE finished ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;

UPDATE finished
SET expires_at = finished_at + (SELECT min(max(ttl_ms, 0), 4000000000000000) FROM tasks WHERE tasks.seq = finished.seq);

CREATE INDEX finished_expiry ON finished (expires_at, seq);

-- Tasks that were pruned, for as long as their files may still be there.
CREATE TABLE pruned (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16)
) STRICT, WITHOUT ROWID;

-- What job types with a rate limit have used of it; see RateLimit in the domain. In microseconds.
CREATE TABLE rates (
    job_type    TEXT    NOT NULL PRIMARY KEY,
    spent_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The circuit breakers of job types that have one; see BreakerState in the domain.
CREATE TABLE breakers (
    job_type          TEXT    NOT NULL PRIMARY KEY,
    window_started_at INTEGER NOT NULL,
    attempts          INTEGER NOT NULL CHECK (attempts >= 0),
    failures          INTEGER NOT NULL CHECK (failures BETWEEN 0 AND attempts),
    open_until        INTEGER
) STRICT, WITHOUT ROWID;
