-- SHA-256 of the state, so that a job never goes on from one that changed. SQLite has no checksum for its pages.
ALTER TABLE checkpoints ADD COLUMN sha256 BLOB CHECK (length(sha256) = 32);
