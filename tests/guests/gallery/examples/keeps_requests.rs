//! Makes requests of the web that it never sends, with names of 15 MiB in them.

use wasip2::http::types::{Fields, Method, OutgoingRequest};

gallery::guest!("Keeps requests with endless names.", |_| {
    let endless = "A".repeat(15 << 20);
    gallery::try_all(0..900, |_| {
        let request = OutgoingRequest::new(Fields::new());
        let method = request.set_method(&Method::Other(endless.clone()));
        let authority = request.set_authority(Some(&endless));
        // Kept, whatever came of it.
        std::mem::forget(request);
        method.or(authority).map(|()| "kept".into()).map_err(|()| "refused".into())
    })
});
