-- Saves of the task when the attempt ended, so that its story can tell how often each attempt saved.
ALTER TABLE attempts ADD COLUMN saves INTEGER NOT NULL DEFAULT 0 CHECK (saves >= 0);
