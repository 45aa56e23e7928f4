//! Integration tests, misbehaving guests, the tidy test, benches.
