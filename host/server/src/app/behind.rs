//! The worker that stays behind: when the last process that works on a project ends before its jobs have, it starts one
//! that goes on until they have ended.
//!
//! It is a `longshore worker` in a session of its own, with nothing open that its client might wait for. The lock that says
//! that there is one goes over to it as its standard input, so there is no moment without it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use longshore_scheduler::{ServiceError, TaskService};

use super::parts;
use super::presence::{Post, Presence};
use crate::config::Config;
use crate::logging;

/// The option of `longshore worker` that makes it one.
pub(crate) const OPTION: &str = "stay-behind";

/// What is due within this time is waited for: retries and delayed jobs, and messages that are tried again. For what is due
/// later, and for schedules, no process stays.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// How long finding out whether a worker is needed may take: clients end a server two seconds after they closed its input.
const ASK_MAX: Duration = Duration::from_millis(500);

/// How often the worker looks whether it is still needed.
const LOOK: Duration = Duration::from_millis(250);
/// How long it stays when nothing is left to do: the next call of its client may bring more.
const IDLE_MAX: Duration = Duration::from_secs(2);
/// How long it stays where it cannot find out.
const BLIND_MAX: Duration = Duration::from_secs(60);

/// Bytes of the log of those that stayed behind, after which the next one begins a new one.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// Sees to it that somebody goes on with what has not ended, once this process, which no longer counts as one that works,
/// is gone. Says whether somebody does.
pub(super) async fn leave(config: &Config, presence: Presence, service: &TaskService) -> bool {
    if !config.worker.stay_behind {
        return presence.has_worker();
    }
    let needed = match tokio::time::timeout(ASK_MAX, service.has_work(AHEAD)).await {
        Ok(Ok(needed)) => needed,
        // Where it is in doubt the worker finds out.
        Ok(Err(ServiceError::Store(error))) => error.may_pass(),
        Ok(Err(_)) => false,
        Err(_slow) => true,
    };
    if !needed {
        return false;
    }
    let config = config.clone();
    let left = tokio::task::spawn_blocking(move || hand_over(&config, &presence)).await;
    match left.map_err(anyhow::Error::from).flatten() {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(
                "no worker could be started that stays behind: {error:#}; jobs that have not ended go on once a \
                 `longshore worker` or a client is there"
            );
            false
        }
    }
}

/// Starts the worker, unless there is one or another process works.
fn hand_over(config: &Config, presence: &Presence) -> Result<()> {
    if presence.has_worker() {
        return Ok(());
    }
    let Some(post) = presence.take_post().context("cannot lock its place")? else { return Ok(()) };
    let pid = start(config, &post)?;
    // It signs itself, too; until then whoever looks shall see who it is.
    post.sign(&presence.mark(pid)).context("cannot write into its lock")?;
    tracing::info!(pid, "jobs have not ended; a worker stays behind until they have");
    Ok(())
}

fn start(config: &Config, post: &Post) -> Result<u32> {
    let program = parts::this_program().context("cannot find the program of this process")?;
    let log = log_beside(&config.store.path).map_or_else(|_| Stdio::null(), Stdio::from);
    let mut command = Command::new(program);
    command
        .arg0("longshore")
        .args(["worker", &format!("--{OPTION}"), "--log-format", logging::format().as_str(), "--project"])
        .arg(&config.project)
        .current_dir(&config.project)
        .stdin(post.to_inherit()?)
        .stdout(Stdio::null())
        .stderr(log);
    in_a_session_of_its_own(&mut command);
    Ok(command.spawn().context("cannot start it")?.id())
}

/// Keeps what ends the client's processes from ending this one, and this one from holding what its client waits for.
#[allow(unsafe_code, reason = "nothing safe runs between fork and exec")]
fn in_a_session_of_its_own(command: &mut Command) {
    // SAFETY: what runs between fork and exec are two system calls, which neither allocate nor lock.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            close_on_exec();
            Ok(())
        });
    }
}

/// Has everything but the standard streams closed when another program is executed. What this process opened is closed then
/// anyway; its client may have left it more, such as ends of its own pipes.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "a system call for which there is no safe function")]
fn close_on_exec() {
    // Older kernels than 5.11 do not know it.
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: it changes a flag of open files and nothing in memory.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
}

#[cfg(not(target_os = "linux"))]
fn close_on_exec() {}

/// The log of the workers that stay behind, beside the database.
fn log_beside(database: &Path) -> io::Result<File> {
    let named = |end: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let log = named(".behind.log");
    if fs::metadata(&log).is_ok_and(|file| file.len() > LOG_BYTES_MAX) {
        fs::rename(&log, named(".behind.log.old"))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(log)
}

/// The stay of a worker that stays behind.
pub(crate) struct Stay {
    post: Post,
    presence: Presence,
}

impl Stay {
    /// Takes the place; `None` if another has it. The project is not made anew if it is gone.
    pub(crate) fn begin(config: &Config) -> Result<Option<Self>> {
        let database = &config.store.path;
        let is_there =
            database.try_exists().with_context(|| format!("cannot look at {}", database.display()))?;
        ensure!(is_there, "there is no database at {}", database.display());
        let presence = Presence::of(config);
        let Some(post) = presence.inherit_post().context("cannot take the place")? else { return Ok(None) };
        post.sign(&presence.mark(std::process::id())).context("cannot write into the lock")?;
        Ok(Some(Self { post, presence }))
    }

    /// Resolves once nothing is left to do here, with the reason.
    pub(crate) async fn end(&self, service: &TaskService) -> &'static str {
        let (mut idle, mut blind) = (None, None);
        loop {
            tokio::time::sleep(LOOK).await;
            if !self.post.is_of_the_project() {
                return "the project is gone";
            }
            match self.is_needed(service).await {
                Ok(true) => (idle, blind) = (None, None),
                Ok(false) => {
                    blind = None;
                    if idle.get_or_insert_with(Instant::now).elapsed() >= IDLE_MAX
                        && self.is_over(service).await
                    {
                        return "nothing is left to do";
                    }
                }
                Err(error) => {
                    idle = None;
                    if blind.get_or_insert_with(Instant::now).elapsed() >= BLIND_MAX {
                        tracing::warn!(%error, "whether jobs have not ended cannot be told");
                        return "the database cannot be read";
                    }
                }
            }
        }
    }

    async fn is_needed(&self, service: &TaskService) -> Result<bool, ServiceError> {
        if service.runs_nothing() && self.presence.has_worker() {
            return Ok(false);
        }
        service.has_work(AHEAD).await
    }

    /// Gives the place up, and takes it again when a job came in the last moment, whose process relied on it.
    async fn is_over(&self, service: &TaskService) -> bool {
        if let Err(error) = self.post.give_up() {
            tracing::debug!(%error, "the place was not given up");
            return true;
        }
        match self.is_needed(service).await {
            Ok(false) => true,
            // In doubt it stays.
            Ok(true) | Err(_) => !self.post.take_again().unwrap_or(false),
        }
    }
}
