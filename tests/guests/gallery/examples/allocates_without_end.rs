//! Takes memory without end, and writes to all of it.

use std::hint::black_box;

gallery::guest!("Takes memory without end.", |_| {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
});
