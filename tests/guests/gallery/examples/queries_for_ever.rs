//! Has its source count without end.

const COUNT: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

gallery::guest!("Queries for ever.", |_| gallery::try_all([COUNT], |sql| gallery::query(sql)));
