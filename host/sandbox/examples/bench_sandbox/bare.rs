//! A program that runs components in wasmtime, and does nothing else.

use std::path::Path;

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use self::bindings::longshore::job::{progress, types};
use self::bindings::{Job, JobPre};

#[allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "job", exports: { default: async } });
}

/// What the engine counts while a guest computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metering {
    None,
    Fuel,
    Epoch,
    Both,
}

impl Metering {
    fn fuel(self) -> bool {
        matches!(self, Self::Fuel | Self::Both)
    }

    fn epoch(self) -> bool {
        matches!(self, Self::Epoch | Self::Both)
    }
}

/// One component, linked.
pub(crate) struct Bare {
    metering: Metering,
    code: JobPre<State>,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl progress::Host for State {
    fn report(&mut self, _: u64, _: Option<u64>, _: String) -> types::Signal {
        types::Signal::Proceed
    }
}

impl Bare {
    /// Compiles and links a component, and runs it once to warm up.
    pub(crate) async fn new(metering: Metering, component: &Path) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(1 << 32).total_memories(64).max_unused_warm_slots(16);
        pool.linear_memory_keep_resident(1 << 20).table_keep_resident(64 << 10).pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .consume_fuel(metering.fuel())
            .epoch_interruption(metering.epoch())
            .memory_reservation(1 << 32)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_file(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        progress::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).unwrap();
        let code = JobPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        let bare = Self { metering, code };
        bare.run("{}").await;
        bare
    }

    /// Instantiates the component, runs it, and drops it. Gives its answer.
    pub(crate) async fn run(&self, input: &str) -> String {
        let state = State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(self.code.engine(), state);
        if self.metering.fuel() {
            store.set_fuel(u64::MAX).unwrap();
        }
        if self.metering.epoch() {
            store.set_epoch_deadline(1 << 60);
        }
        let job: Job = self.code.instantiate_async(&mut store).await.unwrap();
        job.call_run(&mut store, input).await.unwrap().unwrap()
    }
}
