//! A checkup of a whole project: its configuration, its database and files, its plugins.

mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use longshore_domain::{Catalog, Clock as _, LOADING};
use longshore_store::checkup::{self, Checkup, FindingCode};
use serde::Serialize;

pub use longshore_store::checkup::{Fixed, Severity};

use super::presence::{self, Presence};
use super::{Host, Role, Shutdown, SystemClock, channels, others};
use crate::config::{Config, SecretConfig, SinkConfig, SmtpConfig, SourceConfig, WebhookConfig};
use crate::shell;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is; stable.
    pub code: String,
    /// What it is about.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What a fix would do, or what the operator should do.
    pub fix: String,
    /// Whether [`fix`] does it.
    pub fixable: bool,
}

/// What was found, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The findings.
    pub findings: Vec<Finding>,
    /// How many more there are of codes that have many.
    pub left_out: BTreeMap<String, u64>,
}

impl Diagnosis {
    /// How many findings are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Looks at everything and changes nothing. With `deep` every byte is read. `watch` hears what is looked at, and how much
/// of it was.
pub async fn examine(
    config: &Config,
    deep: bool,
    watch: impl FnMut(&str, u64) + Send + 'static,
) -> Diagnosis {
    let mut findings = of_configuration(config);
    findings.extend(of_sources(config, deep).await);
    let checkup = of(config, deep);
    let mut watch = watch;
    let report = tokio::task::spawn_blocking(move || checkup.examine(&mut |at| watch(at.stage, at.done)));
    let mut left_out = BTreeMap::new();
    match report.await {
        Ok(report) => {
            let is_usable = !report.findings.iter().any(|finding| keeps_the_host_away(finding.code));
            findings.extend(report.findings.into_iter().map(Finding::from));
            left_out.extend(report.left_out.into_iter().map(|(code, count)| (code.to_string(), count)));
            findings.extend(if is_usable { of_plugins(config).await } else { vec![plugins_not_checked()] });
        }
        Err(error) => findings.push(Finding::new(
            Severity::Error,
            "check_failed",
            "database",
            format!("The checkup of the database broke off: {error}."),
            "Run it again; if it breaks off again, that is a bug of Longshore.",
        )),
    }
    // Stable: within one severity what was found first stays first.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Diagnosis { findings, left_out }
}

/// Does what can be done safely. It blocks.
pub fn fix(config: &Config, mut watch: impl FnMut(&str, u64)) -> Fixed {
    of(config, false).fix(&mut |at| watch(at.stage, at.done))
}

fn of(config: &Config, deep: bool) -> Checkup {
    Checkup {
        database: config.store.path.clone(),
        files: config.store.files.clone(),
        deep,
        now: SystemClock.now(),
    }
}

impl Finding {
    fn new(
        severity: Severity,
        code: &str,
        subject: impl fmt::Display,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let (message, fix) = (message.into(), fix.into());
        Self { severity, code: code.into(), subject: subject.to_string(), message, fix, fixable: false }
    }
}

impl From<checkup::Finding> for Finding {
    fn from(finding: checkup::Finding) -> Self {
        let checkup::Finding { severity, code, subject, message, fix, fixable } = finding;
        Self { severity, code: code.to_string(), subject, message, fix, fixable }
    }
}

/// Whether a host that starts would fail, or change what was only to be looked at.
fn keeps_the_host_away(code: FindingCode) -> bool {
    matches!(
        code,
        FindingCode::DatabaseMissing
            | FindingCode::DatabaseLost
            | FindingCode::DatabaseEmpty
            | FindingCode::DatabaseUnreadable
            | FindingCode::DatabaseBusy
            | FindingCode::DatabaseForeign
            | FindingCode::DatabaseReplaced
            | FindingCode::DatabaseTooNew
            | FindingCode::DatabaseOutdated
            | FindingCode::DatabaseCorrupt
            | FindingCode::ReadOnly
    )
}

fn of_configuration(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, path) in &config.directories {
        if let Err(error) = fs::read_dir(path) {
            findings.push(Finding::new(
                Severity::Error,
                "directory_unreadable",
                format!("[directories.{name}]"),
                format!("{} cannot be read: {error}.", path.display()),
                "Make the directory, or correct the path in longshore.toml.",
            ));
        }
    }
    match channels::open(config) {
        Ok(open) => {
            if let Err(error) = channels::callbacks(config, &open) {
                findings.push(unusable("[callbacks]", &error));
            }
        }
        Err(error) => findings.push(unusable("[channels]", &error)),
    }
    for (name, channel) in &config.channels {
        let secret = match &channel.sink {
            SinkConfig::Spool { .. } => None,
            SinkConfig::Smtp(SmtpConfig { login, .. }) => login.as_ref().map(|(_, password)| password),
            SinkConfig::Webhook(WebhookConfig { secret, .. }) => Some(secret),
        };
        let fix = "Put it there; messages of the channel wait until then.";
        findings.extend(secret.and_then(|secret| of_secret(&format!("[channels.{name}]"), secret, fix)));
    }
    for (name, secret) in &config.secrets {
        let fix = "Put it there; jobs that need it fail until then.";
        findings.extend(of_secret(&format!("[secrets.{name}]"), secret, fix));
    }
    findings.extend(of_folders(config));
    findings.extend(of_the_worker_behind(config));
    findings
}

/// Opens each source as a job would, and begins to read each of its tables.
async fn of_sources(config: &Config, deep: bool) -> Vec<Finding> {
    let sources = config.sources.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let check = |(name, SourceConfig::Sqlite { path }): (String, SourceConfig)| {
            let found = longshore_sandbox::check_source(&path, deep);
            (name, path, found)
        };
        sources.into_iter().map(check).collect::<Vec<_>>()
    });
    let mut findings = Vec::new();
    for (name, path, found) in checked.await.unwrap_or_default() {
        let subject = format!("[sources.{name}]");
        match found {
            Err(why) => findings.push(Finding::new(
                Severity::Error,
                "source_unreadable",
                subject,
                format!("{} cannot be read by jobs: {why}.", path.display()),
                "Do what the message says; until then jobs that read the source fail with source_unavailable.",
            )),
            Ok(troubles) => findings.extend(troubles.into_iter().map(|(table, why)| {
                Finding::new(
                    Severity::Warning,
                    "source_table_unreadable",
                    &subject,
                    format!("{table:?} of {} cannot be read by jobs: {why}.", path.display()),
                    "Do what the message says, or have jobs read other tables.",
                )
            })),
        }
    }
    findings
}

/// The worker that stayed behind, if there is one.
fn of_the_worker_behind(config: &Config) -> Option<Finding> {
    let presence::Mark { pid, version, .. } = Presence::of(config).behind()?;
    Some(Finding::new(
        Severity::Note,
        "worker_behind",
        format!("process {pid}"),
        format!(
            "A worker (version {version}) stayed behind when a client or a command left jobs that had not ended. It ends \
             once they have."
        ),
        format!(
            "Nothing needs to be done. `kill {pid}` ends it before, and its jobs wait then; `stay_behind = false` under \
             [worker] in longshore.toml keeps any from staying."
        ),
    ))
}

fn unusable(subject: &str, error: &anyhow::Error) -> Finding {
    let message = format!("{error:#}.");
    Finding::new(Severity::Error, "channel_unusable", subject, message, "Correct it in longshore.toml.")
}

fn of_secret(subject: &str, secret: &SecretConfig, fix: &str) -> Option<Finding> {
    let missing =
        |message: String| Some(Finding::new(Severity::Warning, "secret_missing", subject, message, fix));
    match secret {
        SecretConfig::Env(name) if std::env::var_os(name).is_none() => missing(format!(
            "The environment variable {name}, which should have the secret, is not set here."
        )),
        SecretConfig::Env(name) if std::env::var_os(name).is_some_and(|secret| secret.is_empty()) => {
            missing(format!("The environment variable {name}, which should have the secret, is empty here."))
        }
        SecretConfig::Env(_) => None,
        SecretConfig::File(path) => match fs::read(path) {
            Err(error) => missing(format!("{} cannot be read: {error}.", path.display())),
            Ok(_) if others::may_read(path) => Some(Finding::new(
                Severity::Warning,
                "secret_exposed",
                subject,
                format!("{} can be read by other users of this machine.", path.display()),
                format!("Run `chmod 600 {}`.", shell::quote_path(path)),
            )),
            Ok(_) => None,
        },
    }
}

/// Folders of the project's data that others may go into. A host makes them for its user alone; some were there before.
fn of_folders(config: &Config) -> impl Iterator<Item = Finding> {
    let (database, files) = (config.store.path.parent(), config.store.files.as_path());
    let folders: BTreeSet<_> = database.into_iter().chain([files]).collect();
    folders.into_iter().filter(|folder| others::may_enter(folder)).map(|folder| {
        Finding::new(
            Severity::Warning,
            "data_exposed",
            folder.display(),
            "Other users of this machine may go into the folder, which has what jobs read, made and sent.",
            format!("Run `chmod o-rwx {}`.", shell::quote_path(folder)),
        )
    })
}

async fn of_plugins(config: &Config) -> Vec<Finding> {
    let host = match Host::start(config, Role::Inspect).await {
        Ok(host) => host,
        Err(error) => {
            let message = format!("The host does not start: {error:#}.");
            return vec![Finding::new(
                Severity::Error,
                "start_failed",
                config.project.display(),
                message,
                "Fix what it says.",
            )];
        }
    };
    let service = host.service();
    let catalog = service.catalog();
    let mut findings: Vec<Finding> = problems(&catalog);
    if let Ok(live) = service.live_counts().await {
        for (job_type, counts) in live.iter().filter(|(name, _)| catalog.job(name.as_str()).is_none()) {
            let count = counts.queued + counts.scheduled + counts.running;
            findings.push(Finding::new(
                Severity::Warning,
                "plugin_missing",
                job_type,
                if count == 1 {
                    "1 job of this type has not ended, and no plugin offers it.".into()
                } else {
                    format!("{count} jobs of this type have not ended, and no plugin offers it.")
                },
                format!(
                    "Put {job_type}.wasm back into {}, or cancel the jobs: `longshore task list --job-type {job_type}`.",
                    config.plugins.dir.display()
                ),
            ));
        }
    }
    findings.extend(work::examine(config, &service, &catalog).await);
    findings.extend(of_schedules(config, &catalog));
    findings.extend(of_alerts(config, &catalog));
    host.shutdown(Shutdown::Now).await;
    findings
}

/// Schedules of the configuration that wait for a plugin.
fn of_schedules(config: &Config, catalog: &Catalog) -> Vec<Finding> {
    let waiting = config.schedules.iter().filter(|schedule| catalog.job(&schedule.job_type).is_none());
    waiting
        .map(|schedule| {
            Finding::new(
                Severity::Warning,
                "schedule_waits",
                format!("[[schedules]] {}", schedule.name),
                format!(
                    "No plugin offers its job type {}: when it is due, nothing happens.",
                    schedule.job_type
                ),
                format!("Put {}.wasm into {}.", schedule.job_type, config.plugins.dir.display()),
            )
        })
        .collect()
}

/// Alerts by email that name nobody who gets them.
fn of_alerts(config: &Config, catalog: &Catalog) -> Vec<Finding> {
    let is_mail = |channel: &String| {
        config.channels.get(channel).is_some_and(|channel| matches!(channel.sink, SinkConfig::Smtp(_)))
    };
    let names_nobody = |job: &&std::sync::Arc<longshore_domain::LoadedJob>| {
        let alert = job.policy.alert.as_ref();
        alert.is_some_and(|alert| {
            alert.channel.as_ref().is_some_and(is_mail) && !alert.recipient.contains('@')
        })
    };
    let alerts = catalog.jobs.values().filter(names_nobody);
    alerts
        .map(|job| {
            let name = &job.job_type.name;
            Finding::new(
                Severity::Error,
                "alert_to_nobody",
                format!("{name}.toml"),
                "Its [alert] goes through a channel for email, and names no address as its `recipient`.",
                "Add the recipient; until then nobody is told by email.",
            )
        })
        .collect()
}

fn problems(catalog: &Catalog) -> Vec<Finding> {
    let found = catalog.problems.values().filter(|problem| problem.code != "disabled");
    found
        .chain(catalog.warnings.values())
        .map(|problem| {
            let is_warning = matches!(problem.code.as_str(), "blocked" | "component_missing" | "unmatched_grant");
            let severity = match problem.code.as_str() {
                LOADING => Severity::Note,
                _ if is_warning => Severity::Warning,
                _ => Severity::Error,
            };
            let fix = match (problem.code.as_str(), &problem.serving) {
                (LOADING, _) => "Nothing needs to be done; run the command again to see what came of it.".into(),
                ("component_missing", _) => "Put the component there, or delete the policy.".into(),
                ("unmatched_grant", _) => {
                    "Correct the name in the policy, or bring back into the source what it names; until then a job that \
                     needs it fails."
                        .into()
                }
                (_, Some(version)) => format!("Version {version} is served meanwhile; put a good file there."),
                (_, None) => "Fix the file; nothing of it is offered until then.".into(),
            };
            let code = format!("plugin_{}", problem.code);
            Finding::new(severity, &code, &problem.file, format!("{}.", problem.message), fix)
        })
        .collect()
}

fn plugins_not_checked() -> Finding {
    Finding::new(
        Severity::Note,
        "plugins_not_checked",
        "plugins",
        "Plugins were not looked at, because the database is not as a host needs it, or a host would change it.",
        "Fix the database first, or let a host start on it, and run the checkup again.",
    )
}
