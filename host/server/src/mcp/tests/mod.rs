//! The whole protocol over a pipe.
