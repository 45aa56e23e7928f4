//! What the integration tests share lives beside them, in `tests/it/support`. This library is empty on purpose: the
//! package exists for its tests, its benches and the binary that they run.
