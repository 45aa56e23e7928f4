//! What an operator allows a job type, and how it is run.

use serde::{Deserialize, Serialize};

use crate::{AlertPolicy, BreakerPolicy, Grants, RateLimit, RetryPolicy};

/// The policy of one job type: the file `NAME.toml` beside `NAME.wasm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether the job type is offered at all.
    pub enabled: bool,
    /// How many attempts may run at once, over all processes that share the store; no limit but the worker's own
    /// when absent.
    pub concurrency: Option<u32>,
    /// How often its attempts may start, over all processes that share the store; no limit when absent.
    pub rate: Option<RateLimit>,
    /// Longest time from the submission of a task to its end, in milliseconds: what a caller may shorten
    /// (`max_wait_seconds`) and not exceed. No limit when absent.
    pub max_wait_ms: Option<u64>,
    /// How long a finished task and its files are kept, in milliseconds.
    pub ttl_ms: u64,
    /// What the job may reach.
    pub grants: Grants,
    /// What one attempt may use.
    pub limits: Limits,
    /// When a failed task is tried again.
    pub retry: RetryPolicy,
    /// When new work is refused because too much of it fails; never when absent.
    pub breaker: Option<BreakerPolicy>,
    /// When too many failures are told; never when absent.
    pub alert: Option<AlertPolicy>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: true,
            concurrency: None,
            rate: None,
            max_wait_ms: None,
            ttl_ms: 24 * 60 * 60 * 1_000,
            grants: Grants::default(),
            limits: Limits::default(),
            retry: RetryPolicy::default(),
            breaker: None,
            alert: None,
        }
    }
}

/// What one attempt may use. A limit that is hit names itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Units of fuel, roughly one for each WebAssembly instruction.
    pub fuel: u64,
    /// Wall time of one attempt, host calls included, in milliseconds.
    pub timeout_ms: u64,
    /// All linear memories of the component together.
    pub memory_bytes_max: u64,
    /// Bytes of the stack, which grows as functions call each other.
    pub stack_bytes_max: u64,
    /// Elements of all tables of the component together.
    pub table_elements_max: u64,
    /// Tables of the component.
    pub tables_max: u32,
    /// Core modules that the component instantiates.
    pub instances_max: u32,
    /// Memories of the component. Each takes a part of the addresses of the host's process.
    pub memories_max: u32,
    /// Things of the host that the job holds at once, such as streams, cursors and open artifacts.
    pub resources_max: u32,
    /// Bytes that the job passes to the host in one call. It is never less than what the other limits let it pass.
    pub call_bytes_max: u64,
    /// Random bytes that the job gets in one call.
    pub random_bytes_max: u32,
    /// How long a job may go on after it was told to stop, in milliseconds.
    pub cancel_grace_ms: u64,
    /// Artifacts of one task.
    pub artifacts_max: u32,
    /// Bytes of all artifacts of one task.
    pub artifact_bytes_max: u64,
    /// Bytes of the log of one attempt; what comes after is dropped, and the log says so.
    pub log_bytes_max: u64,
    /// Messages of one task.
    pub messages_max: u32,
    /// Bytes of one message.
    pub message_bytes_max: u64,
    /// Bytes of the messages that are not saved yet, all together.
    pub unsaved_message_bytes_max: u64,
    /// Bytes of all messages of one task.
    pub all_message_bytes_max: u64,
    /// Bytes of the result.
    pub result_bytes_max: u64,
    /// Bytes of a checkpoint.
    pub checkpoint_bytes_max: u64,
    /// How often an attempt saves in a second; the next save waits.
    pub saves_per_second: u32,
    /// Bytes of the states that an attempt saves in a second; the next save waits.
    pub saved_bytes_per_second: u64,
    /// Time that a data source works for one query, in milliseconds; waiting for the job does not count.
    pub query_timeout_ms: u64,
    /// Rows of one query.
    pub query_rows_max: u64,
    /// Bytes of one value of a query, of one of its rows, and of one row of a table that it reads.
    pub query_value_bytes_max: u64,
    /// Bytes of memory that all queries of the job take together.
    pub query_memory_bytes_max: u64,
    /// Results of queries that the job reads at once. Each has a thread and some files of the host.
    pub cursors_max: u32,
    /// Bytes that an attempt writes to the directory that it has for itself; what it deletes counts, too.
    pub scratch_bytes_max: u64,
    /// Files, folders and links that an attempt makes there.
    pub scratch_entries_max: u32,
    /// Calls of the web.
    pub http_requests_max: u32,
    /// Calls of the web at once; others wait for their turn.
    pub http_in_flight_max: u32,
    /// Bytes of what one call sends.
    pub http_request_bytes_max: u64,
    /// Bytes of what one call is answered.
    pub http_response_bytes_max: u64,
    /// Time of one call, from its begin to the last byte of its answer, in milliseconds.
    pub http_timeout_ms: u64,
    /// Characters of the description that the component gives of itself.
    pub description_chars_max: u32,
    /// Bytes of each of its schemas.
    pub schema_bytes_max: u32,
    /// Permissions that it asks for.
    pub permissions_max: u32,
}

impl Limits {
    /// Bytes that the job passes to the host in one call: so many that what is just larger than another limit allows reaches
    /// the check of that limit, which has more to say.
    pub fn bytes_of_one_call(&self) -> u64 {
        [self.checkpoint_bytes_max, self.result_bytes_max, self.message_bytes_max]
            .into_iter()
            .map(|bytes| bytes.saturating_mul(2))
            .fold(self.call_bytes_max, u64::max)
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            fuel: 100_000_000_000,
            timeout_ms: 10 * 60 * 1_000,
            memory_bytes_max: 128 * MIB,
            stack_bytes_max: MIB,
            table_elements_max: 1 << 20,
            tables_max: 256,
            instances_max: 512,
            memories_max: 64,
            resources_max: 1_000,
            call_bytes_max: 16 * MIB,
            random_bytes_max: 1 << 18,
            cancel_grace_ms: 5_000,
            artifacts_max: 100,
            artifact_bytes_max: 1_024 * MIB,
            log_bytes_max: MIB,
            messages_max: 10_000,
            message_bytes_max: 256 * 1_024,
            unsaved_message_bytes_max: 16 * MIB,
            all_message_bytes_max: 256 * MIB,
            result_bytes_max: MIB,
            checkpoint_bytes_max: 8 * MIB,
            saves_per_second: 200,
            saved_bytes_per_second: 16 * MIB,
            query_timeout_ms: 5 * 60 * 1_000,
            query_rows_max: 100_000_000,
            query_value_bytes_max: 16 * MIB,
            query_memory_bytes_max: 256 * MIB,
            cursors_max: 16,
            scratch_bytes_max: 1_024 * MIB,
            scratch_entries_max: 10_000,
            http_requests_max: 10_000,
            http_in_flight_max: 16,
            http_request_bytes_max: 16 * MIB,
            http_response_bytes_max: 64 * MIB,
            http_timeout_ms: 60 * 1_000,
            description_chars_max: 20_000,
            schema_bytes_max: 1 << 20,
            permissions_max: 100,
        }
    }
}
