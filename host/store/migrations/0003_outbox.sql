-- Messages are handed out channel by channel, so that one that is slow or limited holds up no other.
CREATE TABLE channel_deliveries (
    number  INTEGER PRIMARY KEY REFERENCES outbox (number) ON DELETE CASCADE,
    channel TEXT    NOT NULL,
    due_at  INTEGER NOT NULL
) STRICT;

INSERT INTO channel_deliveries (number, channel, due_at)
SELECT d.number, o.channel, d.due_at FROM deliveries AS d JOIN outbox AS o ON o.number = d.number;

DROP TABLE deliveries;

ALTER TABLE channel_deliveries RENAME TO deliveries;

CREATE INDEX deliveries_due ON deliveries (channel, due_at, number);

-- How far each channel has used up its rate, over all processes: when its bucket would be full again, in microseconds
-- since the Unix epoch.
CREATE TABLE channel_rates (
    channel    TEXT    NOT NULL PRIMARY KEY,
    full_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages that were given up, to be listed and sent again.
CREATE INDEX outbox_dead ON outbox (number) WHERE state = 'dead';
