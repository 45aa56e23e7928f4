//! The engines, and the whole host API linked for each of them. Linking costs more than a run does, so it is done once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::Job;
use crate::engine::Engines;
use crate::guest::Guest;
use crate::{disk, http};

/// What components are linked with.
pub(crate) struct Linkers {
    pub(crate) engines: Engines,
    /// For the first engine.
    pub(crate) first: Linker<Guest>,
    /// For the engines without a pool, by the length of their stacks.
    on_demand: Mutex<BTreeMap<u64, Linker<Guest>>>,
}

impl Linkers {
    /// With a pool for so many instances.
    pub(crate) fn new(max_instances: u32) -> wasmtime::Result<Self> {
        let engines = Engines::new(max_instances)?;
        let first = link_host(engines.first())?;
        Ok(Self { engines, first, on_demand: Mutex::default() })
    }

    /// The host API for guests with a stack of that length, without a pool.
    pub(crate) fn on_demand(&self, stack_bytes: u64) -> wasmtime::Result<Linker<Guest>> {
        let mut linkers = self.on_demand.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linker) = linkers.get(&stack_bytes) {
            return Ok(linker.clone());
        }
        let linker = link_host(&self.engines.on_demand(stack_bytes)?)?;
        linkers.insert(stack_bytes, linker.clone());
        Ok(linker)
    }
}

/// A linker that holds the whole host API for an engine.
fn link_host(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    disk::link(&mut linker)?;
    http::link(&mut linker)?;
    Job::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}
