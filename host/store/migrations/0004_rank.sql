-- Queued tasks are claimed by rank, which weighs priority against age; see rank() in the domain.
ALTER TABLE tasks ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;

UPDATE tasks SET rank = created_at / 60000 - priority;

UPDATE ready SET rank = (SELECT rank FROM tasks WHERE tasks.seq = ready.seq);
