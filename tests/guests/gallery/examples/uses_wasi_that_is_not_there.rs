//! Calls an interface of WASI that jobs do not get.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "computes" });
}

gallery::guest!("Calls an interface of WASI that jobs do not get.", |_| Ok(
    bindings::wasi::nn::inference::load("model")
));
