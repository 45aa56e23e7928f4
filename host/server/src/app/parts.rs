//! What the configuration means for each part of the host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use longshore_delivery::{NamedSecrets, SecretSource, WebClient};
use longshore_domain::{Timestamp, WorkerId};
use longshore_sandbox::{SandboxOptions, Trust};
use longshore_scheduler::{Channels, DispatcherOptions, StandsBy, SupervisorOptions};
use longshore_store::{SqliteStore, StoreOptions, create_private_folder};

use super::Role;
use super::presence::Presence;
use super::workers::{WorkerDetails, WorkerLock, WorkerLocks};
use crate::config::{Config, SecretConfig, SourceConfig, Synchronous};
use crate::open_files;

pub(super) fn open_store(config: &Config, role: Role) -> Result<Arc<SqliteStore>> {
    let path = &config.store.path;
    let only_looks = matches!(role, Role::Tasks | Role::Inspect);
    // A new database in place of one that was moved away would hide what is missing, and be in the way of its return.
    let is_there = path.try_exists().with_context(|| format!("cannot look at {}", path.display()))?;
    if only_looks && !is_there {
        if role == Role::Tasks {
            tracing::warn!(
                "there is no database at {}; serve, worker and run make it when they start",
                path.display()
            );
        }
        return SqliteStore::in_memory("nothing").context("cannot make a database in memory");
    }
    if let Some(folder) = path.parent() {
        create_private_folder(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let synchronous = match config.store.synchronous {
        Synchronous::Full => longshore_store::Synchronous::Full,
        Synchronous::Normal => longshore_store::Synchronous::Normal,
    };
    let options = StoreOptions { synchronous, ..StoreOptions::default() };
    // Who only looks at jobs may do so where nothing can be written.
    let opened = if only_looks {
        SqliteStore::open_if_only_to_read(path, options)
    } else {
        SqliteStore::open(path, options)
    };
    opened.with_context(|| format!("cannot open {}", path.display()))
}

pub(super) fn sandbox_options(config: &Config) -> SandboxOptions {
    SandboxOptions {
        max_instances: config.worker.concurrency,
        sources: config
            .sources
            .iter()
            .map(|(name, SourceConfig::Sqlite { path })| (name.clone(), path.clone()))
            .collect(),
        directories: config.directories.clone(),
        scratch_dir: Some(config.store.files.join("scratch")),
        channels: config.channels.keys().cloned().collect(),
        secrets: Arc::new(NamedSecrets::new(
            config.secrets.iter().map(|(name, secret)| (name.clone(), secret_source(secret))).collect(),
        )),
        http: Arc::new(WebClient::new(config.http.ca_file.clone())),
        cache_dir: Some(config.plugins.cache.clone()),
        compiler: this_program(),
        reader: this_program(),
        ..SandboxOptions::default()
    }
}

pub(super) fn secret_source(config: &SecretConfig) -> SecretSource {
    match config {
        SecretConfig::Env(name) => SecretSource::Env(name.clone()),
        SecretConfig::File(path) => SecretSource::File(path.clone()),
    }
}

/// The components that the operator accepts, where the configuration says which.
pub(super) fn trust(config: &Config) -> Result<Option<Trust>> {
    let accepted = config.plugins.accept.as_ref();
    accepted
        .map(|entries| Trust::parse(entries.iter().map(String::as_str)))
        .transpose()
        .context("longshore.toml: `accept` of [plugins] has an entry that cannot be meant")
}

/// This very program, which compiles components and runs queries in processes of their own. Through /proc it is found even when its file was
/// replaced by a newer one meanwhile, whose code this one could not load. Where neither is found, both are done
/// in this process.
pub(super) fn this_program() -> Option<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Some(running.to_owned()) } else { std::env::current_exe().ok() }
}

pub(super) fn supervisor_options(
    config: &Config,
    role: Role,
    worker: WorkerId,
    channels: Channels,
    stands_by: StandsBy,
) -> SupervisorOptions {
    SupervisorOptions {
        dispatcher: DispatcherOptions {
            worker,
            slots: open_files::slots_within_limit(config.worker.concurrency),
            lease: config.worker.lease,
        },
        channels,
        stands_by,
        keeps_time: role != Role::Behind,
    }
}

/// A name that no other start of a process has, and that says which process it is.
pub(super) fn worker_id(role: Role) -> WorkerId {
    let role = match role {
        Role::Serve => "serve",
        Role::Worker => "worker",
        Role::Behind => "behind",
        Role::Run => "run",
        Role::Tasks | Role::Submit | Role::Inspect => "inspect",
    };
    WorkerId::new(format!("{role}-{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()))
}

/// The lock that tells others when this process has ended. Without one, they wait for its leases.
pub(super) fn lock_of(
    config: &Config,
    locks: &WorkerLocks,
    worker: &WorkerId,
    now: Timestamp,
) -> Option<WorkerLock> {
    let details = WorkerDetails {
        worker: worker.clone(),
        kind: Presence::of(config).kind(),
        slots: config.worker.concurrency,
        started_at: now.rfc3339(),
    };
    match locks.take(&details) {
        Ok(lock) => Some(lock),
        Err(error) => {
            tracing::info!(
                "the lock of this process cannot be taken ({error}); if it ends without notice, its jobs wait for their leases"
            );
            None
        }
    }
}
