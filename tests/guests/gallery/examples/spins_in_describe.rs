//! Computes for ever when it is asked what it is.

use std::hint::black_box;

gallery::guest!("Computes for ever when it is asked what it is.", |_| Ok("{}".into()), |_| {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
});
