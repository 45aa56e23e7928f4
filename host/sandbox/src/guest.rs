//! What the host keeps for one running guest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore_domain::{Limits, RunRequest, StopReason, Timestamp};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::artifacts::Artifacts;
use crate::data::Queries;
use crate::disk::{Directories, Files, Listings};
use crate::failure::{Ended, LimitsOf};
use crate::host_api::outbox::Outbox;
use crate::http::{self, Calls};
use crate::limits::Allowance;
use crate::log::{LogFlusher, TaskLog};
use crate::sandbox::Shared;
use crate::verdict::Verdict;
use crate::wasi;

/// The data of a guest's `wasmtime::Store`.
pub(crate) struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(crate) calls: Calls,
    directories: Directories,
    listings: Listings,
    /// What was decided about its end beside it.
    pub(crate) verdict: Verdict,
    pub(crate) allowance: Allowance,
    pub(crate) meter: Meter,
    pub(crate) log: Arc<TaskLog>,
    /// When it is ended.
    pub(crate) deadline: Instant,
    /// The attempt that it is; none while it only describes itself.
    attempt: Option<Box<Attempt>>,
}

/// Counts fuel.
///
/// wasmtime writes the fuel that is left back to where it can be read only at certain points, and after some traps it
/// reads as if none had been used. So it is noted whenever it is right, and the least counts.
#[derive(Debug)]
pub(crate) struct Meter {
    given: u64,
    left: u64,
}

impl Meter {
    pub(crate) fn new(given: u64) -> Self {
        Self { given, left: given }
    }

    pub(crate) fn note(&mut self, left: u64) {
        self.left = self.left.min(left);
    }

    pub(crate) fn used(&self) -> u64 {
        self.given - self.left
    }
}

/// The attempt that a guest runs.
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    pub(crate) request: RunRequest,
    pub(crate) artifacts: Artifacts,
    pub(crate) outbox: Outbox,
    /// State of the latest save of this attempt; none before its first.
    pub(crate) saved: Option<Vec<u8>>,
    /// Until when its saves would keep it, were it to save without a pause.
    pub(crate) saves_paid_until: tokio::time::Instant,
    /// Whether its log says that its saves wait.
    pub(crate) was_told_of_pace: bool,
    pub(crate) flusher: Arc<LogFlusher>,
    pub(crate) deadline_at: Timestamp,
    pub(crate) queries: Queries,
    pub(crate) log: Arc<TaskLog>,
    /// What was decided about its end beside the guest.
    pub(crate) verdict: Verdict,
    stop_seen: Option<Instant>,
}

impl Attempt {
    pub(crate) fn new(shared: Arc<Shared>, request: RunRequest, log: &Arc<TaskLog>) -> Self {
        let now = shared.clock.now();
        let timed_out = now.after(Duration::from_millis(request.job.policy.limits.timeout_ms));
        let deadline_at = request.claimed.deadline_at.map_or(timed_out, |given_up| given_up.min(timed_out));
        let flusher =
            Arc::new(LogFlusher::new(Arc::clone(log), Arc::clone(&shared.store), request.claimed.attempt));
        Self {
            artifacts: Artifacts::new(&shared, &request),
            outbox: Outbox::new(&request),
            saved: None,
            saves_paid_until: tokio::time::Instant::now(),
            was_told_of_pace: false,
            flusher,
            deadline_at,
            queries: {
                let limits = &request.job.policy.limits;
                Queries::new(&shared.readers, limits.cursors_max, limits.query_memory_bytes_max)
            },
            log: Arc::clone(log),
            verdict: Verdict::default(),
            stop_seen: None,
            shared,
            request,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.request.job.policy.limits
    }

    /// The limits together with the file that sets them.
    pub(crate) fn limits_of(&self) -> LimitsOf<'_> {
        LimitsOf { job: Some(self.job_name()), limits: self.limits() }
    }

    pub(crate) fn job_name(&self) -> &str {
        self.request.job.job_type.name.as_str()
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.request.stop.reason()
    }

    /// When the guest is interrupted because it was told to stop; none while it was not.
    pub(crate) fn stop_at(&mut self, now: Instant) -> Option<(StopReason, Instant)> {
        let reason = self.stop_reason()?;
        let seen = *self.stop_seen.get_or_insert(now);
        let at = match reason {
            // Nothing that it still does can count.
            StopReason::Fenced => now,
            _ => seen + Duration::from_millis(self.limits().cancel_grace_ms),
        };
        Some((reason, at))
    }
}

impl Guest {
    /// A guest that only describes itself.
    pub(crate) fn describing(log: Arc<TaskLog>, limits: &Limits) -> Result<Self, Ended> {
        Self::new(log, limits, None, Directories::default())
    }

    /// A guest that runs an attempt.
    pub(crate) fn running(
        log: Arc<TaskLog>,
        attempt: Attempt,
        directories: Directories,
    ) -> Result<Self, Ended> {
        let limits = attempt.limits().clone();
        Self::new(log, &limits, Some(Box::new(attempt)), directories)
    }

    fn new(
        log: Arc<TaskLog>,
        limits: &Limits,
        attempt: Option<Box<Attempt>>,
        directories: Directories,
    ) -> Result<Self, Ended> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources_max as usize);
        let verdict = attempt.as_ref().map(|attempt| attempt.verdict.clone()).unwrap_or_default();
        let calls = attempt.as_ref().map_or_else(
            || Calls::none(verdict.clone()),
            |attempt| {
                let (shared, job) = (Arc::clone(&attempt.shared), Arc::clone(&attempt.request.job));
                Calls::of(shared, job, Arc::clone(&log), verdict.clone())
            },
        );
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(http::HEADERS_BYTES_MAX);
        Ok(Self {
            table,
            wasi: wasi::context(&log, &directories, limits)?,
            http,
            calls,
            directories,
            listings: Listings::default(),
            verdict,
            allowance: Allowance::new(limits),
            meter: Meter::new(limits.fuel),
            log,
            deadline: Instant::now() + Duration::from_millis(limits.timeout_ms),
            attempt,
        })
    }

    /// What it has of the disk.
    pub(crate) fn files(&mut self) -> Files<'_> {
        let quota = self.directories.quota().cloned();
        let view = WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table };
        Files { quota, listings: &mut self.listings, view }
    }

    /// Forgets what was counted, before the guest is instantiated again elsewhere.
    pub(crate) fn start_over(&mut self, limits: &Limits) {
        self.allowance = Allowance::new(limits);
        self.meter = Meter::new(limits.fuel);
    }

    /// The attempt, if it may go on. Without one, whatever wanted it ends the guest: `describe` must not call the host.
    pub(crate) fn attempt(&mut self) -> wasmtime::Result<&mut Attempt> {
        self.verdict.hold()?;
        self.attempt.as_deref_mut().ok_or_else(no_task)
    }

    /// The attempt and the table of its resources.
    pub(crate) fn attempt_and_table(&mut self) -> wasmtime::Result<(&mut Attempt, &mut ResourceTable)> {
        self.verdict.hold()?;
        let attempt = self.attempt.as_deref_mut().ok_or_else(no_task)?;
        Ok((attempt, &mut self.table))
    }

    pub(crate) fn attempt_if_any(&mut self) -> Option<&mut Attempt> {
        self.attempt.as_deref_mut()
    }

    pub(crate) fn into_attempt(self) -> Option<Attempt> {
        self.attempt.map(|attempt| *attempt)
    }

    /// Looks whether the guest is to be ended now. Called at each tick while it computes.
    pub(crate) fn check(&mut self) -> Result<(), Ended> {
        self.verdict.hold()?;
        let now = Instant::now();
        let deadline = self.deadline;
        let Some(attempt) = self.attempt.as_deref_mut() else {
            return if now < deadline { Ok(()) } else { Err(describe_too_slow()) };
        };
        match attempt.stop_at(now) {
            Some((reason, at)) if now >= at => Err(Ended::interrupted(reason)),
            Some((reason, _)) if now >= deadline => Err(Ended::interrupted(reason)),
            None if now >= deadline => Err(Ended::Failed(attempt.limits_of().timeout())),
            _ => Ok(()),
        }
    }
}

pub(crate) fn describe_too_slow() -> Ended {
    Ended::failed(longshore_domain::Code::Timeout, "describe took too long")
}

fn no_task() -> wasmtime::Error {
    wasmtime::Error::new(Ended::failed(
        longshore_domain::Code::PermissionDenied,
        "describe called the host; there is no task at that time, so it must not call any import",
    ))
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.calls, table: &mut self.table, ctx: &mut self.http }
    }
}
