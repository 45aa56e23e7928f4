//! The end of an attempt that is decided where nothing can be returned to it.

use std::sync::{Arc, OnceLock};

use crate::failure::Ended;

/// How an attempt is to end, once that is known. What runs beside the guest, such as the body of an answer, decides it; the
/// guest learns of it at its next call of the host, at the next tick, and at its end at the latest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict(Arc<OnceLock<Ended>>);

impl Verdict {
    /// Decides. The first decision counts.
    pub(crate) fn set(&self, ended: Ended) {
        let _ = self.0.set(ended);
    }

    /// An error if it was decided.
    pub(crate) fn hold(&self) -> Result<(), Ended> {
        self.0.get().map_or(Ok(()), |ended| Err(ended.clone()))
    }
}
