-- Attempts of job types whose failures are told, as they were counted last; see AlertState in the domain.
CREATE TABLE alerts (
    job_type          TEXT    NOT NULL PRIMARY KEY,
    window_started_at INTEGER NOT NULL,
    attempts          INTEGER NOT NULL CHECK (attempts >= 0),
    failures          INTEGER NOT NULL CHECK (failures BETWEEN 0 AND attempts),
    raised            INTEGER NOT NULL CHECK (raised IN (0, 1))
) STRICT, WITHOUT ROWID;
