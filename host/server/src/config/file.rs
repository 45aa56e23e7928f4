//! What may stand in `longshore.toml`, with defaults and bounds.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use longshore_domain::{Grants, Policy, SCRATCH};
use longshore_scheduler::ScheduleRequest;
use serde::de::{Deserialize, Deserializer, Error};

use super::channel::Channel;
use super::schedule::schedules;
use super::secret::NamedSecret;
use super::{
    Config, HostLimits, HttpConfig, McpConfig, PluginsConfig, SourceConfig, StoreConfig, Synchronous,
    WorkerConfig,
};

/// Parses the text of `longshore.toml`.
pub(super) fn parse(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text)
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    store: Store,
    worker: Worker,
    plugins: Plugins,
    #[serde(deserialize_with = "named")]
    sources: BTreeMap<String, Source>,
    #[serde(deserialize_with = "directories")]
    directories: BTreeMap<String, Directory>,
    #[serde(deserialize_with = "named")]
    channels: BTreeMap<String, Channel>,
    #[serde(deserialize_with = "named")]
    secrets: BTreeMap<String, NamedSecret>,
    http: Http,
    callbacks: Option<Callbacks>,
    #[serde(deserialize_with = "schedules")]
    schedules: Vec<ScheduleRequest>,
    mcp: Mcp,
    limits: Limits,
    #[serde(deserialize_with = "without_grants")]
    defaults: Policy,
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Store {
    path: PathBuf,
    synchronous: Synchronous,
    files: PathBuf,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: "data/longshore.db".into(), synchronous: Synchronous::Full, files: "data".into() }
    }
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Worker {
    #[serde(deserialize_with = "within::<_, u32, 1, 10_000>")]
    concurrency: u32,
    #[serde(deserialize_with = "within::<_, u64, 1_000, 3_600_000>")]
    lease_ms: u64,
    stay_behind: bool,
}

/// Attempts that a process runs at once where nothing is configured. Jobs mostly wait, for disks, networks and each other's
/// commits: fifty do well on two cores, so fewer make no sense. Beyond that each core carries some more, and what an
/// attempt costs in memory sets an end.
pub(super) fn usual_concurrency(cores: usize) -> u32 {
    u32::try_from(cores.saturating_mul(16)).unwrap_or(u32::MAX).clamp(50, 256)
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Default for Worker {
    fn default() -> Self {
        Self { concurrency: usual_concurrency(cores()), lease_ms: 6_000, stay_behind: true }
    }
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Plugins {
    dir: PathBuf,
    cache: Option<PathBuf>,
    accept: Option<Vec<String>>,
}

impl Default for Plugins {
    fn default() -> Self {
        Self { dir: "plugins".into(), cache: None, accept: None }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default)]
    kind: SourceKind,
    path: PathBuf,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    path: PathBuf,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum SourceKind {
    #[default]
    Sqlite,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    ca_file: Option<PathBuf>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Callbacks {
    channel: String,
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mcp {
    #[serde(deserialize_with = "within::<_, u64, 0, 600>")]
    wait_seconds: u64,
}

impl Default for Mcp {
    fn default() -> Self {
        Self { wait_seconds: 3 }
    }
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    #[serde(deserialize_with = "within::<_, u64, 2, 1_073_741_824>")]
    payload_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload_bytes_max: 1 << 20 }
    }
}

impl File {
    /// Makes every path absolute, seen from the folder `project`. `user_cache` is where the user's caches are.
    pub(super) fn resolve(self, project: PathBuf, user_cache: Option<PathBuf>) -> Config {
        let absolute = |path: PathBuf| project.join(path);
        Config {
            store: StoreConfig {
                path: absolute(self.store.path),
                synchronous: self.store.synchronous,
                files: absolute(self.store.files),
            },
            worker: WorkerConfig {
                concurrency: self.worker.concurrency,
                lease: Duration::from_millis(self.worker.lease_ms),
                stay_behind: self.worker.stay_behind,
            },
            plugins: PluginsConfig {
                dir: absolute(self.plugins.dir),
                cache: absolute(self.plugins.cache.unwrap_or_else(|| match user_cache {
                    Some(folder) => folder.join("longshore").join("compiled"),
                    None => "data/cache".into(),
                })),
                accept: self.plugins.accept,
            },
            sources: self
                .sources
                .into_iter()
                .map(|(name, Source { kind: SourceKind::Sqlite, path })| {
                    (name, SourceConfig::Sqlite { path: absolute(path) })
                })
                .collect(),
            directories: self
                .directories
                .into_iter()
                .map(|(name, Directory { path })| (name, absolute(path)))
                .collect(),
            channels: self
                .channels
                .into_iter()
                .map(|(name, channel)| (name, channel.resolve(&project)))
                .collect(),
            secrets: self
                .secrets
                .into_iter()
                .map(|(name, NamedSecret(mut secret))| {
                    secret.resolve(&project);
                    (name, secret)
                })
                .collect(),
            http: HttpConfig { ca_file: self.http.ca_file.map(absolute) },
            callbacks: self.callbacks.map(|Callbacks { channel }| channel),
            schedules: self.schedules,
            mcp: McpConfig { wait: Duration::from_secs(self.mcp.wait_seconds) },
            limits: HostLimits { payload_bytes_max: self.limits.payload_bytes_max },
            defaults: self.defaults,
            project,
        }
    }
}

/// A number from `MIN` to `MAX`. Checked while parsing, so that the error knows its place in the file.
pub(super) fn within<'de, D, T, const MIN: u64, const MAX: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
    T::Error: Display,
{
    let value = i64::deserialize(deserializer)?;
    let fits = u64::try_from(value).ok().filter(|value| (MIN..=MAX).contains(value));
    let value = fits
        .ok_or_else(|| Error::custom(format!("{value} is out of bounds: it must be from {MIN} to {MAX}")))?;
    T::try_from(value).map_err(Error::custom)
}

/// As [`within`], for a setting without a default of its own.
pub(super) fn within_some<'de, D, T, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
    T::Error: Display,
{
    within::<D, T, MIN, MAX>(deserializer).map(Some)
}

/// A table whose keys are names that a policy may grant.
fn named<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    let table = BTreeMap::<String, T>::deserialize(deserializer)?;
    let fits = |name: &str| {
        !name.is_empty()
            && name.len() <= 63
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    };
    match table.keys().find(|name| !fits(name)) {
        Some(name) => {
            Err(Error::custom(format!("{name:?} is no name: use 1 to 63 characters of a-z, 0-9, _ and -")))
        }
        None => Ok(table),
    }
}

/// Directories by name. One name is taken.
fn directories<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Directory>, D::Error> {
    let table = named::<D, Directory>(deserializer)?;
    if table.contains_key(SCRATCH) {
        return Err(Error::custom(format!(
            "{SCRATCH:?} is the directory that each job has for itself; call this one otherwise"
        )));
    }
    Ok(table)
}

/// A policy that grants nothing. Grants for all plugins at once would reach any file that is dropped into the folder.
fn without_grants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    let policy = Policy::deserialize(deserializer)?;
    if policy.grants == Grants::default() {
        Ok(policy)
    } else {
        Err(Error::custom(
            "grants cannot be given to all plugins at once: put them into each plugin's NAME.toml",
        ))
    }
}
