//! Computes for ever.

use std::hint::black_box;

gallery::guest!("Computes for ever.", |_| {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
});
