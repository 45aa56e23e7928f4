//! Rust bindings of the contract in `wit/`, generated.
//!
//! Calls that only touch memory are synchronous: a synchronous call costs three quarters of an asynchronous one. Every
//! import may trap, because reaching for what was not granted ends the attempt.

#![allow(missing_docs, clippy::pedantic, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "job",
    imports: {
        "longshore:job/checkpoint.save": async | trappable,
        "longshore:job/artifacts.open": async | trappable,
        "longshore:job/artifacts.[method]artifact.write": async | trappable,
        "longshore:job/artifacts.[method]artifact.clear": async | trappable,
        "longshore:job/data.query": async | trappable,
        "longshore:job/data.[method]cursor.next": async | trappable,
        "longshore:job/data.[method]cursor.next-packed": async | trappable,
        "longshore:job/data.[method]cursor.next-packed-raw": async | trappable,
        "longshore:job/outbox.send": async | trappable,
        "longshore:job/secrets.get": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "longshore:job/artifacts.artifact": crate::host_api::artifacts::OpenArtifact,
        "longshore:job/data.cursor": crate::data::Cursor,
    },
});
