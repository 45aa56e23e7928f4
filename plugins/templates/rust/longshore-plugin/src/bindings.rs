//! What wit-bindgen makes of the contract in `wit/`, a copy of the one of the repository. Nothing else in this crate knows how a call crosses the
//! boundary.

#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::pedantic, clippy::unwrap_used)]

wit_bindgen::generate!({
    path: "wit",
    world: "job",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "longshore_plugin::__private::bindings",
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});
