//! Writes to a source, and to its settings, in all ways that SQL has.

gallery::guest!("Writes to a source.", |_| {
    gallery::try_all(
        [
            "DELETE FROM customers",
            "INSERT INTO customers VALUES (1, 'a', 'b') RETURNING id",
            "UPDATE customers SET city = ''",
            "REPLACE INTO customers VALUES (1, 'a', 'b')",
            "WITH a AS (SELECT 1) DELETE FROM customers",
            "CREATE TABLE mine(a)",
            "CREATE TEMP TABLE mine AS SELECT 1",
            "CREATE TRIGGER mine AFTER INSERT ON customers BEGIN SELECT 1; END",
            "DROP TABLE customers",
            "ALTER TABLE customers RENAME TO mine",
            "PRAGMA query_only = 0",
            "PRAGMA writable_schema = 1",
            "PRAGMA journal_mode = delete",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "SELECT * FROM pragma_journal_mode",
            "BEGIN IMMEDIATE",
            "REINDEX",
            "ANALYZE",
            "VACUUM",
            "SELECT 1; DELETE FROM customers",
        ],
        |sql| gallery::query(sql),
    )
});
