//! Reads a table and a column that it is not granted, of a source that it is, by every road there is.

gallery::guest!("Reads what it is not granted of a source.", |_| {
    gallery::try_all(
        [
            "SELECT * FROM secrets",
            "SELECT rowid FROM secrets",
            "SELECT count(*) FROM secrets",
            "SELECT email FROM customers",
            "SELECT id FROM customers ORDER BY email",
            "SELECT (SELECT email FROM customers) FROM customers",
            "SELECT id FROM customers UNION SELECT word FROM secrets",
            "WITH customers AS (SELECT word FROM secrets) SELECT * FROM customers",
            "SELECT sql FROM sqlite_schema",
            "SELECT name FROM pragma_table_xinfo('secrets')",
            "PRAGMA table_info(secrets)",
        ],
        |sql| gallery::query(sql),
    )
});
