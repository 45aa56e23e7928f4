//! The wasmtime engines, and the clock tick that interrupts guests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use longshore_domain::Limits;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::turns::Ticks;

/// Time between two looks at a guest that computes. Short enough that a spinning guest delays its neighbours on the
/// same thread by no more than this, long enough that the look itself costs nothing.
const TICK: Duration = Duration::from_millis(5);

/// Ticks without a running guest after which the ticker goes to sleep. Waking it costs a system call, so it lingers.
const IDLE_TICKS_MAX: u32 = 40;

/// What host functions have of a stack, beyond what the guest's frames may take of it.
const HOST_STACK_BYTES: usize = 1 << 20;

/// Bytes of a memory and of a table that are cleared after use instead of given back.
const POOL_MEMORY_BYTES_KEPT: usize = 1 << 20;
const POOL_TABLE_BYTES_KEPT: usize = 64 << 10;

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
/// What the host keeps of a component, and of each core module, for an instance of it.
pub(crate) const INSTANCE_BYTES_MAX: usize = 1 << 20;
/// Tables, and memories, that one core module may have.
const POOL_PER_MODULE: u32 = 64;

/// Address space of one linear memory. With all of the 4 GiB that a 32-bit guest can address reserved, compiled code
/// needs no bounds checks. Addresses are reserved, not memory.
pub(crate) const MEMORY_RESERVATION: u64 = 1 << 32;

/// Engines that run the same compiled code: one that takes memories, tables and stacks from a pool reserved at the
/// start, and those that map them when they are needed, one for each length of stack.
pub(crate) struct Engines {
    pooled: Option<Engine>,
    on_demand: Engine,
    /// For stacks of another length than the usual one, which wasmtime has by engine. There are as many as operators have
    /// lengths in their policies.
    others: Mutex<BTreeMap<u64, Engine>>,
    ticker: Arc<Ticker>,
}

impl Engines {
    /// Engines with a pool for `max_instances` guests. Where the pool cannot be reserved (a limit on address space),
    /// guests are run without it.
    pub(crate) fn new(max_instances: u32) -> wasmtime::Result<Self> {
        let on_demand = Engine::new(&config(usual_stack()))?;
        let pooled = match Engine::new(config(usual_stack()).allocation_strategy(pool(max_instances))) {
            Ok(engine) => Some(engine),
            Err(error) => {
                tracing::warn!("no instance pool, guests start somewhat slower: {error:#}");
                None
            }
        };
        let ticking = pooled.iter().chain([&on_demand]).cloned().collect();
        Ok(Self { pooled, on_demand, others: Mutex::default(), ticker: Ticker::start(ticking)? })
    }

    /// The engine to try first.
    pub(crate) fn first(&self) -> &Engine {
        self.pooled.as_ref().unwrap_or(&self.on_demand)
    }

    /// The engine whose guests have a stack of that length, without a pool.
    pub(crate) fn on_demand(&self, stack_bytes: u64) -> wasmtime::Result<Engine> {
        if stack_bytes == usual_stack() {
            return Ok(self.on_demand.clone());
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = others.get(&stack_bytes) {
            return Ok(engine.clone());
        }
        let engine = Engine::new(&config(stack_bytes))?;
        self.ticker.engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine.clone());
        others.insert(stack_bytes, engine.clone());
        Ok(engine)
    }

    /// What counts its ticks.
    pub(crate) fn ticks(&self) -> Ticks {
        self.ticker.ticks.clone()
    }

    /// Keeps the ticker going while the guard lives.
    pub(crate) fn ticking(&self) -> Ticking {
        Ticker::hold(&self.ticker)
    }
}

/// What guests have of stack unless their policy says otherwise.
pub(crate) fn usual_stack() -> u64 {
    Limits::default().stack_bytes_max
}

/// Everything that shapes compiled code, which the length of the stack does not. It must be the same in every engine and
/// in the compiling child process, or code could not be shared between them.
fn config(stack_bytes: u64) -> Config {
    let stack_bytes = usize::try_from(stack_bytes).unwrap_or(usize::MAX);
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .memory_reservation(MEMORY_RESERVATION)
        // What a component says of its source is not read for a backtrace: it may say anything, at any length.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .max_wasm_stack(stack_bytes)
        .async_stack_size(stack_bytes.saturating_add(HOST_STACK_BYTES))
        .async_stack_zeroing(true);
    config
}

/// An engine that compiles and never runs.
pub(crate) fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&config(usual_stack()))
}

fn pool(max_instances: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(max_instances)
        .total_core_instances(max_instances.saturating_mul(POOL_CORE_INSTANCES_EACH))
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
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
        // Pages that a small guest used are cleared and kept: giving them back makes every core forget its mappings. Which they
        // are the kernel says where it can.
        .linear_memory_keep_resident(POOL_MEMORY_BYTES_KEPT)
        .table_keep_resident(POOL_TABLE_BYTES_KEPT)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(max_instances.min(16));
    InstanceAllocationStrategy::Pooling(pool)
}

/// A thread that advances the epoch of all engines while guests run.
struct Ticker {
    holders: AtomicUsize,
    asleep: AtomicBool,
    engines: Mutex<Vec<Engine>>,
    ticks: Ticks,
    thread: thread::Thread,
}

impl Ticker {
    fn start(engines: Vec<Engine>) -> wasmtime::Result<Arc<Self>> {
        // The thread needs the ticker and the ticker the thread: the ticker is handed over once both are there.
        let (hand_over, handed) = std::sync::mpsc::channel::<std::sync::Weak<Self>>();
        let handle = thread::Builder::new().name("longshore-ticker".into()).spawn(move || {
            if let Ok(ticker) = handed.recv() {
                Self::tick_along(&ticker);
            }
        })?;
        let ticker = Arc::new(Self {
            holders: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            engines: Mutex::new(engines),
            ticks: Ticks::default(),
            thread: handle.thread().clone(),
        });
        let _ = hand_over.send(Arc::downgrade(&ticker));
        Ok(ticker)
    }

    fn tick_along(weak: &std::sync::Weak<Self>) {
        let mut idle = 0;
        loop {
            let Some(ticker) = weak.upgrade() else { return };
            if ticker.holders.load(Ordering::SeqCst) > 0 {
                idle = 0;
                let engines = ticker.engines.lock().unwrap_or_else(PoisonError::into_inner);
                engines.iter().for_each(Engine::increment_epoch);
                ticker.ticks.advance();
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
