//! Calls itself until there is no stack left.

gallery::guest!("Calls itself until there is no stack left.", |input: String| Ok(
    deeper(input.len() as u64).to_string()
));

/// Each call needs what the next one gives, so that none can be made a turn of a loop. It would end, after 2 to the 64 calls.
fn deeper(depth: u64) -> u64 {
    if depth == u64::MAX { 0 } else { deeper(depth + 1).rotate_left(5) ^ depth }
}
