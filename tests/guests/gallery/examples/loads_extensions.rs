//! Loads code into the host's database library, and calls functions that reach out of it.

gallery::guest!("Loads extensions in SQL.", |_| {
    gallery::try_all(
        [
            "SELECT load_extension('libm.so.6')",
            "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6', 'system')",
            "SELECT fts3_tokenizer('simple')",
            "SELECT readfile('/etc/passwd')",
            "SELECT writefile('/tmp/written', 'x')",
            "SELECT edit('x', 'sh')",
            "SELECT * FROM fsdir('/')",
            "CREATE VIRTUAL TABLE mine USING csv(filename = '/etc/passwd')",
            "PRAGMA temp_store_directory = '/tmp'",
        ],
        |sql| gallery::query(sql),
    )
});
