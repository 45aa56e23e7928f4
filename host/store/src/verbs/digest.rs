//! The digest that tells whether a checkpoint's state is what was saved.

use sha2::{Digest, Sha256};

/// The digest of a state.
pub(crate) fn of(state: &[u8]) -> [u8; 32] {
    Sha256::digest(state).into()
}

/// Whether the state is the one whose digest was recorded. None was, before there were digests.
pub(crate) fn fits(state: &[u8], recorded: Option<[u8; 32]>) -> bool {
    recorded.is_none_or(|recorded| recorded == of(state))
}
