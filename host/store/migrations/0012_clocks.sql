-- The time that the project has lived through: that of the clock, less what passed while nobody worked on it and what the
-- clock was set ahead. Retention goes by it. There is one row, or none before anybody looked.
CREATE TABLE lived (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    seen_at   INTEGER NOT NULL,
    missed_ms INTEGER NOT NULL
) STRICT;

INSERT INTO lived (only_row, seen_at, missed_ms)
SELECT 1, max(finished_at), 0 FROM finished HAVING max(finished_at) IS NOT NULL;

-- Whether a task waits for a delay to pass, and not for a time.
ALTER TABLE scheduled ADD COLUMN is_delay INTEGER NOT NULL DEFAULT 0 CHECK (is_delay IN (0, 1));

-- When somebody noted when a message may be tried next.
ALTER TABLE deliveries ADD COLUMN noted_at INTEGER NOT NULL DEFAULT 0;
