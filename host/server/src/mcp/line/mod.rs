//! The thin layer between the pipe and rmcp: lines in, lines out.
//!
//! rmcp's own line transport stays silent on malformed JSON, parses each message several times over, knows no limit on
//! requests in flight, and cannot listen to tasks. This layer is a rmcp [`Transport`](rmcp::transport::Transport) of our
//! own, so that rmcp sees only well-formed, typed messages of the methods that Longshore serves, and every line that is
//! not one gets an answer that says why. A client that does not read its answers is not read either, so what waits for it is
//! bounded. It knows the protocol's envelope and its two eras, and nothing of jobs.

mod envelope;
mod in_flight;
mod outgoing;
mod reader;
mod receive;
mod request;
mod shape;
mod transport;

pub(super) use in_flight::InFlight;
pub(super) use transport::{HungUp, LineOptions, open};
