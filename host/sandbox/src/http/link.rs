//! What of `wasi:http` is not as wasmtime has it: parts of a request that are kept at any length.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest as _, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

use crate::guest::Guest;

/// Under this name wasmtime has the functions that are replaced.
const TYPES: &str = "wasi:http/types@0.2.12";

/// Bytes of a method, and of an authority: the longest name of a host with a port.
const METHOD_BYTES_MAX: usize = 64;
const AUTHORITY_BYTES_MAX: usize = 264;

/// Adds `wasi:http` to a linker that has the rest of WASI.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, Guest>,
         (request, method): (Resource<HostOutgoingRequest>, Method)| {
            let is_long = matches!(&method, Method::Other(name) if name.len() > METHOD_BYTES_MAX);
            Ok((if is_long { Err(()) } else { store.data_mut().http().set_method(request, method)? },))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, Guest>,
         (request, authority): (Resource<HostOutgoingRequest>, Option<String>)| {
            let is_long = authority.as_ref().is_some_and(|name| name.len() > AUTHORITY_BYTES_MAX);
            Ok((if is_long { Err(()) } else { store.data_mut().http().set_authority(request, authority)? },))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
