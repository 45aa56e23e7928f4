//! Makes headers of the web that it never sends: a hundred thousand small blocks in the host's memory, each beside others.

use wasip2::http::types::Fields;

gallery::guest!("Keeps a hundred thousand headers.", |_| loop {
    let fields = Fields::new();
    for number in 0..100 {
        // Whatever comes of it.
        let _ = fields.append(&format!("x{number}"), &[b'v'; 100]);
    }
    std::mem::forget(fields);
});
