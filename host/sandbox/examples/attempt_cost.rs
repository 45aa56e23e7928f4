//! What an attempt costs: an empty job in the sandbox against the same component in bare wasmtime, in one run.
//!
//! `cargo run --release -p longshore-sandbox --example attempt_cost -- PATH/TO/trivial.wasm`

#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use longshore_domain::{
    ArtifactFiles, AttemptFiles, AttemptRef, CheckpointStore, Claimed, Clock, LoadedJob, LogLine, Look,
    Owner, Policy, RunOutcome, RunRequest, Save, SaveAnswer, SavedArtifact, StoreError, TaskId, Timestamp,
    Unpublished,
};
use longshore_sandbox::{Sandbox, SandboxOptions, load_plugin};
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable, Val};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Attempts that one figure is the mean of, and figures of which the best counts.
const ATTEMPTS: u32 = 2_000;
const ROUNDS: usize = 7;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("say which component to run")?;
    let path = Path::new(&path);
    let bare = Bare::new(path)?;
    let sandbox =
        Sandbox::new(SandboxOptions::default(), Arc::new(Nowhere), Arc::new(Nowhere), Arc::new(Nowhere))?;
    let job = load_plugin(&sandbox, path, &Policy::default()).await.map_err(|problem| problem.message)?;
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        // In turns, so that a busy neighbour disturbs both.
        let begin = Instant::now();
        for _ in 0..ATTEMPTS {
            bare.run().await?;
        }
        let bare = begin.elapsed() / ATTEMPTS;
        let begin = Instant::now();
        for _ in 0..ATTEMPTS {
            let report = job.program.run(request(&job)).await;
            assert!(matches!(report.outcome, RunOutcome::Completed(_)), "{report:?}");
        }
        figures.push((bare, begin.elapsed() / ATTEMPTS));
    }
    let best =
        |pick: fn(&(Duration, Duration)) -> Duration| figures.iter().map(pick).min().unwrap_or_default();
    let (bare, ours) = (best(|figure| figure.0), best(|figure| figure.1));
    println!(
        "bare wasmtime {bare:?}, sandbox {ours:?}, ratio {:.2}",
        ours.as_secs_f64() / bare.as_secs_f64()
    );
    Ok(())
}

fn request(job: &Arc<LoadedJob>) -> RunRequest {
    RunRequest {
        claimed: Claimed {
            attempt: AttemptRef { task: TaskId::from_bytes([1; 16]), number: 1 },
            attempts_counted: 1,
            owner: Owner::local(),
            job_type: job.job_type.name.clone(),
            payload: "{}".into(),
            created_at: Timestamp::default(),
            first_started_at: Timestamp::default(),
            deadline_at: None,
            checkpoint: None,
        },
        job: Arc::clone(job),
        progress: Arc::default(),
        stop: Arc::default(),
    }
}

/// The component in wasmtime, with a pool and both meters, and nothing else.
struct Bare {
    engine: Engine,
    pre: InstancePre<Empty>,
}

struct Empty {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Empty {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Bare {
    fn new(path: &Path) -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(64)
            .total_memories(64)
            .total_tables(256)
            .total_core_instances(1_024)
            .total_stacks(64)
            .total_gc_heaps(1);
        let engine = Engine::new(
            Config::new()
                .concurrency_support(false)
                .consume_fuel(true)
                .epoch_interruption(true)
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool)),
        )?;
        let component = Component::from_file(&engine, path)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine, pre })
    }

    async fn run(&self) -> wasmtime::Result<()> {
        let data = Empty { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, data);
        store.set_fuel(1_000_000_000)?;
        store.set_epoch_deadline(1_000_000);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let run = instance.get_func(&mut store, "run").ok_or_else(|| wasmtime::Error::msg("no run"))?;
        let mut results = [Val::Bool(false)];
        run.call_async(&mut store, &[Val::String("{}".into())], &mut results).await
    }
}

/// A store, files and a clock for a job that needs none of them.
struct Nowhere;

#[async_trait]
impl CheckpointStore for Nowhere {
    async fn save(&self, _: AttemptRef, _: Save) -> Result<SaveAnswer, StoreError> {
        Ok(SaveAnswer::Fenced)
    }

    async fn append_log(&self, _: TaskId, _: Vec<LogLine>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn message_keys(&self, _: TaskId) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

impl ArtifactFiles for Nowhere {
    fn open_attempt(
        &self,
        _: AttemptRef,
        _: Option<(u32, &[SavedArtifact])>,
    ) -> io::Result<Box<dyn AttemptFiles>> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn abandon(&self, _: AttemptRef, _: &[SavedArtifact]) -> io::Result<()> {
        Ok(())
    }

    fn publish(&self, _: &Unpublished) -> io::Result<()> {
        Ok(())
    }

    fn discard(&self, _: TaskId) -> io::Result<()> {
        Ok(())
    }

    fn check(&self, _: TaskId, _: &SavedArtifact, _: Look) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, _: TaskId, _: &SavedArtifact) -> io::Result<Vec<u8>> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn path(&self, _: TaskId, name: &str) -> PathBuf {
        name.into()
    }
}

impl Clock for Nowhere {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}
