-- Job types of which nothing is started until they are resumed, and since when.
CREATE TABLE paused (
    job_type TEXT    NOT NULL PRIMARY KEY CHECK (job_type <> ''),
    since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
