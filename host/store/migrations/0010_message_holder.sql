-- Which worker tries a message, so that its tries are free at once when its process ends; null between tries.
ALTER TABLE deliveries ADD COLUMN holder TEXT;

CREATE INDEX deliveries_holder ON deliveries (holder) WHERE holder IS NOT NULL;

-- Tries that were not counted because their worker's process ended.
ALTER TABLE outbox ADD COLUMN lost_tries INTEGER NOT NULL DEFAULT 0 CHECK (lost_tries >= 0);
