//! Decides what runs when.
//!
//! [`TaskService`] is what a front asks: submit, look, wait, cancel, schedule. [`Supervisor`] runs the loops that do the
//! work: the dispatcher claims tasks and runs attempts, the timekeeper submits the jobs of schedules, the sweeper recovers
//! what others lost, the courier delivers messages, the pruner forgets what was kept for long enough.
//! Each loop is a `tick(now)` and a thin driver, so that tests move the clock themselves.

mod admission;
mod channel;
mod courier;
mod dispatcher;
mod durations;
mod ends;
mod error;
mod health;
mod hub;
mod pausing;
mod pruner;
mod publisher;
mod running;
mod schedules;
mod service;
mod settle;
mod status;
mod supervisor;
mod sweeper;
mod timekeeper;
mod vigil;

pub use channel::{Channel, ChannelPolicy, Channels};
pub use courier::{Courier, CourierTick};
pub use dispatcher::{Dispatcher, DispatcherOptions};
pub use ends::ENDS_TARGET;
pub use error::ServiceError;
pub use hub::{Hub, TaskWatch};
pub use pruner::Pruner;
pub use running::Running;
pub use schedules::{ScheduleRequest, ScheduleStatus, Scheduled};
pub use service::{CallbackChannel, RunningHere, ServiceParts, SubmitRequest, SubmittedStatus, TaskService};
pub use status::{ArtifactFile, TaskStatus};
pub use supervisor::{Shutdown, StandsBy, Supervisor, SupervisorOptions};
pub use sweeper::{Sweeper, Swept};
pub use timekeeper::Timekeeper;
