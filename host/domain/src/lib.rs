//! The vocabulary and the pure rules of Longshore. No I/O.
