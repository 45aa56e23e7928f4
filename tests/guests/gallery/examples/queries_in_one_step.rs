//! Has one SQL function search large texts that nearly match everywhere: a single step of the database, which takes hours.

const SEARCH: &str = "SELECT instr(replace(hex(zeroblob(10000000)), '00', 'aa'), \
                      replace(hex(zeroblob(5000000)), '00', 'aa') || 'b')";

gallery::guest!("Has one step of a query take hours.", |_| gallery::try_all([SEARCH], |sql| gallery::query(
    sql
)));
