//! Calls a web service that it is not granted.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

gallery::guest!("Calls a web service that it is not granted.", |_| {
    gallery::try_all(["169.254.169.254", "127.0.0.1:1"], |authority| {
        let request = OutgoingRequest::new(Fields::new());
        let set = request.set_scheme(Some(&Scheme::Http)).and(request.set_authority(Some(authority)));
        let set = set.and(request.set_path_with_query(Some("/")));
        set.map_err(|()| "invalid_request".to_owned())?;
        handle(request, None).map(|_| "called".into()).map_err(|error| format!("{error:?}"))
    })
});
