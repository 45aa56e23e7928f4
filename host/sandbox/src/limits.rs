//! Limits on what a guest allocates: linear memories all together, tables, instances.

use wasmtime::ResourceLimiter;

/// Elements of all tables together. Each takes a pointer of the host's memory.
const TABLE_ELEMENTS_MAX: usize = 1 << 20;
const TABLES_MAX: usize = 256;
const MEMORIES_MAX: usize = 64;
const INSTANCES_MAX: usize = 512;

/// Counts what one guest allocates.
///
/// wasmtime's own limiter looks at each memory by itself, so that four memories of 56 MiB pass a limit of 64 MiB. This
/// one adds them up.
#[derive(Debug)]
pub(crate) struct Allowance {
    memory_max: usize,
    memory: usize,
    memory_peak: usize,
    table_elements: usize,
    /// What the latest growth added, to be taken back when it fails after all.
    pending: usize,
    refused: Option<usize>,
}

impl Allowance {
    pub(crate) fn new(memory_bytes_max: u64) -> Self {
        Self {
            memory_max: usize::try_from(memory_bytes_max).unwrap_or(usize::MAX),
            memory: 0,
            memory_peak: 0,
            table_elements: 0,
            pending: 0,
            refused: None,
        }
    }

    /// Most that all memories together had.
    pub(crate) fn memory_peak(&self) -> u64 {
        self.memory_peak as u64
    }

    /// The size that the guest asked for when it was refused for the first time.
    ///
    /// A refused guest is told so (`memory.grow` answers -1) instead of being ended, because a garbage collector may
    /// well make room. Most guests trap soon after, and then this is why.
    pub(crate) fn refused(&self) -> Option<u64> {
        self.refused.map(|bytes| bytes as u64)
    }
}

impl ResourceLimiter for Allowance {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let grown = desired.saturating_sub(current);
        let wanted = self.memory.saturating_add(grown);
        if wanted > self.memory_max {
            self.refused.get_or_insert(wanted);
            return Ok(false);
        }
        self.memory = wanted;
        self.memory_peak = self.memory_peak.max(wanted);
        self.pending = grown;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!("a guest's memory did not grow: {error:#}");
        self.memory -= std::mem::take(&mut self.pending).min(self.memory);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > TABLE_ELEMENTS_MAX {
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together() {
        let mut allowance = Allowance::new(100);
        assert!(allowance.memory_growing(0, 60, None).unwrap());
        assert!(!allowance.memory_growing(0, 60, None).unwrap());
        assert_eq!(allowance.refused(), Some(120));
        assert!(allowance.memory_growing(0, 40, None).unwrap());
        assert_eq!(allowance.memory_peak(), 100);
    }

    #[test]
    fn a_growth_that_fails_is_taken_back() {
        let mut allowance = Allowance::new(100);
        assert!(allowance.memory_growing(0, 60, None).unwrap());
        assert!(allowance.memory_growing(60, 90, None).unwrap());
        allowance.memory_grow_failed(wasmtime::Error::msg("no pages")).unwrap();
        assert!(allowance.memory_growing(60, 100, None).unwrap());
    }
}
