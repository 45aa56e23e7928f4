//! How the host reaches other machines: which addresses, over which connection, and whom it believes.

pub(crate) mod address;
pub(crate) mod connection;
pub(crate) mod trust;
