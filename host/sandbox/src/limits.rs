//! Limits on what a guest allocates: linear memories all together, tables, instances.

use longshore_domain::Limits;
use wasmtime::ResourceLimiter;

/// Counts what one guest allocates.
///
/// wasmtime's own limiter looks at each memory by itself, so that four memories of 56 MiB pass a limit of 64 MiB. This
/// one adds them up.
#[derive(Debug)]
pub(crate) struct Allowance {
    memory_max: usize,
    memory: usize,
    memory_peak: usize,
    table_elements_max: usize,
    table_elements: usize,
    tables_max: usize,
    instances_max: usize,
    memories_max: usize,
    /// What the latest growth added, to be taken back when it fails after all.
    pending: usize,
    refused: Option<Refused>,
}

/// What a guest was refused, and how much of it that would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Bytes of memory.
    Memory(u64),
    /// Elements of tables.
    TableElements(u64),
}

impl Allowance {
    pub(crate) fn new(limits: &Limits) -> Self {
        let bounded = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            memory_max: bounded(limits.memory_bytes_max),
            memory: 0,
            memory_peak: 0,
            table_elements_max: bounded(limits.table_elements_max),
            table_elements: 0,
            tables_max: bounded(limits.tables_max.into()),
            instances_max: bounded(limits.instances_max.into()),
            memories_max: bounded(limits.memories_max.into()),
            pending: 0,
            refused: None,
        }
    }

    /// Most that all memories together had.
    pub(crate) fn memory_peak(&self) -> u64 {
        self.memory_peak as u64
    }

    /// What the guest asked for when it was refused for the first time.
    ///
    /// A refused guest is told so (`memory.grow` answers -1) instead of being ended, because a garbage collector may
    /// well make room. Most guests trap soon after, and then this is why.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl ResourceLimiter for Allowance {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let grown = desired.saturating_sub(current);
        let wanted = self.memory.saturating_add(grown);
        if wanted > self.memory_max {
            self.refused.get_or_insert(Refused::Memory(wanted as u64));
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
        if wanted > self.table_elements_max {
            self.refused.get_or_insert(Refused::TableElements(wanted as u64));
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances_max
    }

    fn tables(&self) -> usize {
        self.tables_max
    }

    fn memories(&self) -> usize {
        self.memories_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(memory_bytes_max: u64) -> Allowance {
        Allowance::new(&Limits { memory_bytes_max, table_elements_max: 10, ..Limits::default() })
    }

    #[test]
    fn tables_count_together() {
        let mut allowance = allowance(100);
        assert!(allowance.table_growing(0, 6, None).unwrap());
        assert!(!allowance.table_growing(0, 5, None).unwrap());
        assert_eq!(allowance.refused(), Some(Refused::TableElements(11)));
        assert!(allowance.table_growing(6, 10, None).unwrap());
    }

    #[test]
    fn memories_count_together() {
        let mut allowance = allowance(100);
        assert!(allowance.memory_growing(0, 60, None).unwrap());
        assert!(!allowance.memory_growing(0, 60, None).unwrap());
        assert_eq!(allowance.refused(), Some(Refused::Memory(120)));
        assert!(allowance.memory_growing(0, 40, None).unwrap());
        assert_eq!(allowance.memory_peak(), 100);
    }

    #[test]
    fn a_growth_that_fails_is_taken_back() {
        let mut allowance = allowance(100);
        assert!(allowance.memory_growing(0, 60, None).unwrap());
        assert!(allowance.memory_growing(60, 90, None).unwrap());
        allowance.memory_grow_failed(wasmtime::Error::msg("no pages")).unwrap();
        assert!(allowance.memory_growing(60, 100, None).unwrap());
    }
}
