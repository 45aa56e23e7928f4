//! The vocabulary and the pure rules of Longshore.
//!
//! Everything here is a value, a rule on values, or a port (a trait that an outer crate implements). There is
//! no I/O, no async runtime, no WebAssembly engine and no wire protocol.

mod alert;
mod artifact;
mod attempt;
mod breaker;
mod callback;
mod catalog;
mod failure;
mod failure_window;
mod file_error;
mod grants;
mod http_call;
mod id_prefix;
mod ids;
mod input;
mod job_type;
mod live;
mod lived;
mod liveness;
mod outbox;
mod policy;
mod ports;
mod rate;
mod retry;
mod schedule;
mod schedule_store;
mod secret;
mod state;
mod store;
mod task;
mod text;
mod time;
mod timetable;
mod web_url;

pub use alert::{AlertPolicy, AlertState};
pub use artifact::{ArtifactPage, ArtifactRecord, ListedArtifact, SavedArtifact};
pub use attempt::{AttemptRecord, AttemptRef, LogLevel, LogLine, Outcome, Usage};
pub use breaker::{BreakerPolicy, BreakerState, Gate};
pub use callback::{Callback, HOST_KEY_PREFIX, ended_message};
pub use catalog::{Catalog, LOADING, LoadedJob, Problem};
pub use failure::{Code, Failure};
pub use failure_window::FailureWindow;
pub use file_error::FileError;
pub use grants::{
    Grants, HeaderName, HeaderPart, HeaderTemplate, HttpGrant, HttpMethod, Recipients, SCRATCH, Tables,
};
pub use http_call::{HttpBody, HttpCall, HttpClient, HttpFailure, HttpFailureKind, NoHttp};
pub use id_prefix::IdPrefix;
pub use ids::{ComponentSha, IdError, JobTypeName, Owner, TaskId, WorkerId};
pub use input::{json_type, read_input};
pub use job_type::{JobType, Permission, RESERVED_TOOL_NAMES};
pub use live::{LiveProgress, StopReason, StopSignal};
pub use lived::Lived;
pub use liveness::{LeasesOnly, WorkerLiveness};
pub use outbox::{
    AnyRecipient, ClaimedMessages, LOST_TRIES_MAX, MessageClaim, MessageFilter, MessagePage, MessageState,
    NewMessage, OutboxMessage, RecipientCheck, ResendAnswer, SentMessages, message_id,
};
pub use policy::{Limits, Policy};
pub use ports::{
    ArtifactFiles, AttemptFiles, CheckpointStore, Clock, DeliveryError, InputViolation, JobCatalog,
    JobProgram, Look, MessageSink, RunOutcome, RunReport, RunRequest, TaskStore,
};
pub use rate::{RateLimit, Spent};
pub use retry::{RetryPolicy, Share};
pub use schedule::{
    AddScheduleAnswer, DeleteScheduleAnswer, Fire, FireAnswer, Fired, LastTime, NewSchedule, Origin, Overlap,
    Refusal, Schedule, SyncedSchedules, check_schedule_name,
};
pub use schedule_store::ScheduleStore;
pub use secret::{NoSecrets, Secret, SecretError, Secrets};
pub use state::{Event, IllegalTransition, TaskState, transition};
pub use store::{
    CancelAnswer, CheckpointSummary, ClaimRequest, Claimed, Finish, FinishAnswer, JobTypeClaim,
    JobTypeCounts, KeptSlots, LiveCounts, LostAttempt, Next, Page, PausedTypes, Recovery, Renewal,
    RenewalAnswer, RetryAnswer, Save, SaveAnswer, SavedCheckpoint, StoreError, SubmitError, Submitted,
    TaskFilter, Unpublished,
};
pub use task::{NewTask, Progress, STEP_MS, Task};
pub use text::beginning_of;
pub use time::{CLOCK_SLACK, Timestamp};
pub use timetable::{TimeZones, Timetable, TimetableError};
pub use web_url::{UrlPrefix, parse_web_url};
