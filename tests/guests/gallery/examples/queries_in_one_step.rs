//! Has one SQL function search large texts that nearly match everywhere: a single step of the database, which takes SQLite's
//! own function hours.

const SEARCH: &str = "SELECT instr(replace(hex(zeroblob(4000000)), '00', 'aa'), \
                      replace(hex(zeroblob(2000000)), '00', 'aa') || 'b')";

gallery::guest!("Has one step of a query take hours.", |_| gallery::try_all([SEARCH], |sql| gallery::query(
    sql
)));
