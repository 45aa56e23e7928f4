//! What queries take of memory.
//!
//! SQLite has limits for a value and for the whole process, and none for a query: a row of 2,000 large values, an
//! expression that holds a thousand of them, or a sort of everything would take whatever there is. So its allocator is
//! wrapped: each thread that runs queries of a job has a budget, and what goes beyond is refused, which SQLite reports as
//! any other lack of memory. Threads without a budget, such as those of the task database, notice nothing.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use rusqlite::ffi;

/// What all queries of an attempt may take together.
#[derive(Clone, Debug)]
pub(crate) struct QueryMemory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    bytes_max: i64,
    /// What is taken; below zero where a query freed what an earlier one of another attempt had left in the cache.
    bytes: AtomicI64,
    refused: AtomicBool,
}

impl QueryMemory {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
        Self(Arc::new(Budget { bytes_max, bytes: AtomicI64::new(0), refused: AtomicBool::new(false) }))
    }

    /// Whether something was refused.
    pub(crate) fn was_refused(&self) -> bool {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Has what this thread allocates in SQLite count until the guard is dropped. What is left then, such as pages of the
    /// source that the connection keeps, is the connection's.
    pub(crate) fn counted(&self) -> Counting {
        THREAD.with(|thread| *thread.borrow_mut() = Some(Thread { budget: Arc::clone(&self.0), net: 0 }));
        Counting
    }
}

/// While it lives, its thread counts.
#[derive(Debug)]
pub(crate) struct Counting;

impl Drop for Counting {
    fn drop(&mut self) {
        if let Some(thread) = THREAD.with(|thread| thread.borrow_mut().take()) {
            thread.budget.bytes.fetch_sub(thread.net, Ordering::Relaxed);
        }
    }
}

thread_local! {
    static THREAD: RefCell<Option<Thread>> = const { RefCell::new(None) };
}

/// A thread that counts.
struct Thread {
    budget: Arc<Budget>,
    /// What it took less what it gave back.
    net: i64,
}

/// Counts `bytes` for this thread, if it may have them.
fn may_take(bytes: i64) -> bool {
    // At the very end of a thread there is nothing to ask; then nothing is counted.
    let counted = THREAD.try_with(|thread| {
        let Ok(mut thread) = thread.try_borrow_mut() else { return true };
        let Some(Thread { budget, net }) = thread.as_mut() else { return true };
        let before = budget.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > budget.bytes_max {
            budget.bytes.fetch_sub(bytes, Ordering::Relaxed);
            budget.refused.store(true, Ordering::Relaxed);
            return false;
        }
        *net += bytes;
        true
    });
    counted.unwrap_or(true)
}

/// Puts the budgets between SQLite and its allocator. To be called before anything else is done with SQLite: afterwards it
/// is too late, and `false` says so.
pub fn limit_memory_of_queries() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(wrap_allocator)
}

/// SQLite's own allocator.
static SYSTEM: OnceLock<System> = OnceLock::new();

struct System {
    malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    realloc: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
    size: unsafe extern "C" fn(*mut c_void) -> c_int,
}

#[allow(
    unsafe_code,
    reason = "SQLite takes an allocator through a function of C with variable arguments only"
)]
fn wrap_allocator() -> bool {
    let mut methods = ffi::sqlite3_mem_methods {
        xMalloc: None,
        xFree: None,
        xRealloc: None,
        xSize: None,
        xRoundup: None,
        xInit: None,
        xShutdown: None,
        pAppData: std::ptr::null_mut(),
    };
    // SAFETY: two of the options take a pointer to a struct of that type, of which SQLite makes a copy or which it fills in;
    // the third takes a number. It refuses them once it is in use.
    unsafe {
        if ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut methods) != ffi::SQLITE_OK {
            return false;
        }
        let theirs = (methods.xMalloc, methods.xFree, methods.xRealloc, methods.xSize);
        let (Some(malloc_), Some(free_), Some(realloc_), Some(size)) = theirs else { return false };
        if SYSTEM.set(System { malloc: malloc_, free: free_, realloc: realloc_, size }).is_err() {
            return false;
        }
        methods.xMalloc = Some(malloc);
        methods.xFree = Some(free);
        methods.xRealloc = Some(realloc);
        // Its own statistics take one lock of the whole process for each allocation: a query that computes would hold up
        // the task database and all other queries.
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0) == ffi::SQLITE_OK
            && ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw mut methods) == ffi::SQLITE_OK
    }
}

#[allow(unsafe_code, reason = "called by SQLite as its allocator")]
unsafe extern "C" fn malloc(bytes: c_int) -> *mut c_void {
    let Some(system) = SYSTEM.get() else { return std::ptr::null_mut() };
    if !may_take(bytes.into()) {
        return std::ptr::null_mut();
    }
    // SAFETY: SQLite's own allocator, called as SQLite calls it.
    let given = unsafe { (system.malloc)(bytes) };
    // It gives more than was asked for, or nothing.
    count(system.size_of(given) - i64::from(bytes));
    given
}

#[allow(unsafe_code, reason = "called by SQLite as its allocator")]
unsafe extern "C" fn free(given: *mut c_void) {
    let Some(system) = SYSTEM.get() else { return };
    count(-system.size_of(given));
    // SAFETY: SQLite's own allocator, called as SQLite calls it.
    unsafe { (system.free)(given) };
}

#[allow(unsafe_code, reason = "called by SQLite as its allocator")]
unsafe extern "C" fn realloc(given: *mut c_void, bytes: c_int) -> *mut c_void {
    let Some(system) = SYSTEM.get() else { return std::ptr::null_mut() };
    let before = system.size_of(given);
    let more = (i64::from(bytes) - before).max(0);
    if !may_take(more) {
        return std::ptr::null_mut();
    }
    // SAFETY: SQLite's own allocator, called as SQLite calls it.
    let moved = unsafe { (system.realloc)(given, bytes) };
    // Without room it is left as it was.
    let after = if moved.is_null() { before } else { system.size_of(moved) };
    count(after - before - more);
    moved
}

impl System {
    /// Bytes of what it gave; 0 of nothing.
    #[allow(unsafe_code, reason = "asks SQLite's own allocator")]
    fn size_of(&self, given: *mut c_void) -> i64 {
        if given.is_null() {
            return 0;
        }
        // SAFETY: SQLite hands over only what this allocator gave and nobody has freed.
        i64::from(unsafe { (self.size)(given) })
    }
}

/// Counts without asking.
fn count(bytes: i64) {
    let _ = THREAD.try_with(|thread| {
        if let Ok(mut thread) = thread.try_borrow_mut()
            && let Some(Thread { budget, net }) = thread.as_mut()
        {
            budget.bytes.fetch_add(bytes, Ordering::Relaxed);
            *net += bytes;
        }
    });
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;

    use super::*;

    #[test]
    fn a_query_has_so_much_memory_and_others_notice_nothing() {
        let connection = crate::data::in_memory();
        let sum = |rows: u32| {
            let sql = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                       SELECT count(*) FROM (SELECT i FROM n ORDER BY randomblob(100), i)";
            connection.query_row(sql, [rows], |row| row.get::<_, u32>(0))
        };
        let memory = QueryMemory::new(1 << 20);
        {
            let _counting = memory.counted();
            assert_eq!(sum(100).unwrap(), 100);
            assert!(!memory.was_refused());
            let refused = sum(100_000).unwrap_err();
            assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::OutOfMemory), "{refused}");
            assert!(memory.was_refused());
            // What was taken is given back, and the connection is as good as before.
            assert_eq!(sum(100).unwrap(), 100);
        }
        assert_eq!(sum(100_000).unwrap(), 100_000);
        assert_eq!(memory.0.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn threads_of_one_attempt_count_together() {
        let memory = QueryMemory::new(100);
        let others = memory.clone();
        std::thread::spawn(move || {
            let counting = others.counted();
            assert!(may_take(60));
            std::mem::forget(counting);
        })
        .join()
        .unwrap();
        let _counting = memory.counted();
        assert!(!may_take(60) && may_take(40));
    }
}
