//! The wasmtime engines, and the clock tick that interrupts guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

/// Time between two looks at a guest that computes. Short enough that a spinning guest delays its neighbours on the
/// same thread by no more than this, long enough that the look itself costs nothing.
const TICK: Duration = Duration::from_millis(5);

/// Ticks without a running guest after which the ticker goes to sleep. Waking it costs a system call, so it lingers.
const IDLE_TICKS_MAX: u32 = 40;

/// Native stack of a guest's wasm frames. Recursion beyond it traps.
pub(crate) const WASM_STACK_BYTES: usize = 1 << 20;

/// Stack on which guest and host functions run together.
const FIBER_STACK_BYTES: usize = 2 << 20;

/// What a stack of the pool keeps of its memory between two guests. The rest of a stack that one guest used to its end is
/// given back, or each place of the pool would keep a megabyte for ever.
const POOL_STACK_BYTES_KEPT: usize = 32 << 10;

/// Core modules, tables and memories of one component that the pool has room for. Python components consist of some
/// thirty modules. What needs more is allocated outside the pool.
const POOL_CORE_INSTANCES_EACH: u32 = 48;
const POOL_TABLES_EACH: u32 = 4;
/// Elements that a table of the pool has room for: as many as any policy allows, or the pool would refuse them without a
/// word. Addresses are reserved, not memory.
pub(crate) const POOL_TABLE_ELEMENTS: usize = 1 << 20;
/// Tables, and memories, that one core module may have.
const POOL_PER_MODULE: u32 = 64;

/// Address space of one linear memory. With all of the 4 GiB that a 32-bit guest can address reserved, compiled code
/// needs no bounds checks. Addresses are reserved, not memory.
const MEMORY_RESERVATION: u64 = 1 << 32;

/// Engines that run the same compiled code: one that takes memories, tables and stacks from a pool reserved at the
/// start, one that maps them when they are needed.
pub(crate) struct Engines {
    pooled: Option<Engine>,
    on_demand: Engine,
    ticker: Arc<Ticker>,
}

impl Engines {
    /// Engines with a pool for `max_instances` guests. Where the pool cannot be reserved (a limit on address space),
    /// guests are run without it.
    pub(crate) fn new(max_instances: u32) -> wasmtime::Result<Self> {
        let on_demand = Engine::new(&config())?;
        let pooled = match Engine::new(config().allocation_strategy(pool(max_instances))) {
            Ok(engine) => Some(engine),
            Err(error) => {
                tracing::warn!("no instance pool, guests start somewhat slower: {error:#}");
                None
            }
        };
        let ticking = pooled.iter().chain([&on_demand]).cloned().collect();
        Ok(Self { pooled, on_demand, ticker: Ticker::start(ticking)? })
    }

    /// The engine to try first.
    pub(crate) fn first(&self) -> &Engine {
        self.pooled.as_ref().unwrap_or(&self.on_demand)
    }

    /// The engine to use when the pool has no room; none when there is no pool.
    pub(crate) fn spare(&self) -> Option<&Engine> {
        self.pooled.is_some().then_some(&self.on_demand)
    }

    /// Keeps the ticker going while the guard lives.
    pub(crate) fn ticking(&self) -> Ticking {
        Ticker::hold(&self.ticker)
    }
}

/// Everything that shapes compiled code. It must be the same in every engine and in the compiling child process, or
/// code could not be shared between them.
fn config() -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .memory_reservation(MEMORY_RESERVATION)
        // What a component says of its source is not read for a backtrace: it may say anything, at any length.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .async_stack_zeroing(true);
    config
}

/// An engine that compiles and never runs.
pub(crate) fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

fn pool(max_instances: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(max_instances)
        .total_core_instances(max_instances.saturating_mul(POOL_CORE_INSTANCES_EACH))
        .total_memories(max_instances)
        .total_tables(max_instances.saturating_mul(POOL_TABLES_EACH))
        .total_stacks(max_instances)
        .async_stack_keep_resident(POOL_STACK_BYTES_KEPT)
        .total_gc_heaps(1)
        .table_elements(POOL_TABLE_ELEMENTS)
        // A module with more of them than there is room for runs outside the pool; without this it would not even compile.
        .max_tables_per_module(POOL_PER_MODULE)
        .max_memories_per_module(POOL_PER_MODULE)
        .max_memory_size(MEMORY_RESERVATION as usize)
        .max_unused_warm_slots(max_instances.min(16));
    InstanceAllocationStrategy::Pooling(pool)
}

/// A thread that advances the epoch of all engines while guests run.
struct Ticker {
    holders: AtomicUsize,
    asleep: AtomicBool,
    thread: thread::Thread,
}

impl Ticker {
    fn start(engines: Vec<Engine>) -> wasmtime::Result<Arc<Self>> {
        // The thread needs the ticker and the ticker the thread: the ticker is handed over once both are there.
        let (hand_over, handed) = std::sync::mpsc::channel::<std::sync::Weak<Self>>();
        let handle = thread::Builder::new().name("longshore-ticker".into()).spawn(move || {
            if let Ok(ticker) = handed.recv() {
                Self::tick_along(&ticker, &engines);
            }
        })?;
        let ticker = Arc::new(Self {
            holders: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            thread: handle.thread().clone(),
        });
        let _ = hand_over.send(Arc::downgrade(&ticker));
        Ok(ticker)
    }

    fn tick_along(weak: &std::sync::Weak<Self>, engines: &[Engine]) {
        let mut idle = 0;
        loop {
            let Some(ticker) = weak.upgrade() else { return };
            if ticker.holders.load(Ordering::SeqCst) > 0 {
                idle = 0;
                engines.iter().for_each(Engine::increment_epoch);
            } else {
                idle += 1;
            }
            if idle < IDLE_TICKS_MAX {
                drop(ticker);
                thread::sleep(TICK);
                continue;
            }
            // Said before the second look, so that whoever comes in between sees that it has to wake this thread.
            ticker.asleep.store(true, Ordering::SeqCst);
            let nobody = ticker.holders.load(Ordering::SeqCst) == 0;
            drop(ticker);
            if nobody {
                thread::park();
            }
            if let Some(ticker) = weak.upgrade() {
                ticker.asleep.store(false, Ordering::SeqCst);
            }
            idle = 0;
        }
    }

    fn hold(this: &Arc<Self>) -> Ticking {
        this.holders.fetch_add(1, Ordering::SeqCst);
        if this.asleep.load(Ordering::SeqCst) {
            this.thread.unpark();
        }
        Ticking(Arc::clone(this))
    }
}

/// While it lives, guests are interrupted at each tick.
pub(crate) struct Ticking(Arc<Ticker>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.holders.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        // It finds nothing left to tick, and ends.
        self.ticker.thread.unpark();
    }
}
