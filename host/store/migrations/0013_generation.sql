-- Which database this file is. The id changes in each backup, when one is restored, and when a process opens a database that
-- nobody has open. The file NAME.generation beside it repeats the id, so that a write-ahead log of another file is noticed.
CREATE TABLE generation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  BLOB    NOT NULL CHECK (length(id) = 16)
) STRICT;

INSERT INTO generation (one, id) VALUES (1, randomblob(16));

-- Which version of Longshore brought the database to which schema.
CREATE TABLE upgrades (
    schema      INTEGER PRIMARY KEY CHECK (schema > from_schema),
    from_schema INTEGER NOT NULL CHECK (from_schema >= 0),
    version     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    -- The copy of the database that was made before, in its folder.
    copy        TEXT
) STRICT;
