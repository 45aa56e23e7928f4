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

-- What channels with a rate limit have used of it; see RateLimit in the domain. In microseconds.
CREATE TABLE channel_rates (
    channel     TEXT    NOT NULL PRIMARY KEY,
    spent_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages that were given up, to be listed and sent again.
CREATE INDEX outbox_dead ON outbox (number) WHERE state = 'dead';
