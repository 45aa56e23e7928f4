//! Attaches other databases to a source that it may read, in memory and of the host.

gallery::guest!("Attaches databases.", |_| {
    gallery::try_all(
        [
            "ATTACH ':memory:' AS other",
            "ATTACH 'data/tasks.db' AS other",
            "ATTACH DATABASE '/tmp/attached.db' AS other",
            "VACUUM INTO 'copy.db'",
            "DETACH main",
            "SELECT * FROM other.tasks",
        ],
        |sql| gallery::query(sql),
    )
});
