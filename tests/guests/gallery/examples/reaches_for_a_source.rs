//! Reads a source that it is not granted.

gallery::guest!("Reads a source that it is not granted.", |_| {
    gallery::try_all(["SELECT * FROM orders"], |sql| gallery::query(sql))
});
