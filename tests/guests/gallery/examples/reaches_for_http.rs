//! Calls a web service through an interface of WASI that jobs do not get.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "fetches" });
}

gallery::guest!("Calls a web service.", |_| Ok(bindings::wasi::http::requests::get(
    "http://169.254.169.254/"
)));
