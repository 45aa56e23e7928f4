//! Configuration: the file `longshore.toml`, resolved once into values with nothing left open.
//!
//! [`Project`] finds the folder, [`Config::load`] reads the file in it. Whatever the file leaves out has its default
//! here, every path is absolute, and every number is within its bounds.

mod channel;
mod error;
mod file;
mod project;
mod schedule;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_domain::Policy;
use longshore_scheduler::ScheduleRequest;

use crate::env;

pub use self::channel::{Body, ChannelConfig, Security, SinkConfig, SmtpConfig, TargetConfig, WebhookConfig};
pub use self::error::ConfigError;
pub use self::project::{FILE_NAME, NoProject, find_project};
pub use self::schedule::time_zones;
pub use self::secret::SecretConfig;

/// The text of a new `longshore.toml`, with every default spelled out and explained.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The folder of `longshore.toml`, as an absolute path.
    pub project: PathBuf,
    /// Where tasks are kept.
    pub store: StoreConfig,
    /// How this machine works on them.
    pub worker: WorkerConfig,
    /// Where plugins are.
    pub plugins: PluginsConfig,
    /// Data sources by name, to be granted to plugins.
    pub sources: BTreeMap<String, SourceConfig>,
    /// Directories by name, to be granted to plugins for reading.
    pub directories: BTreeMap<String, PathBuf>,
    /// Outbox channels by name, to be granted to plugins.
    pub channels: BTreeMap<String, ChannelConfig>,
    /// Secrets by name, to be granted to plugins.
    pub secrets: BTreeMap<String, SecretConfig>,
    /// How jobs call the web.
    pub http: HttpConfig,
    /// The channel that tells of the ends of jobs to where callers ask for it; none when they may not.
    pub callbacks: Option<String>,
    /// Jobs that come again.
    pub schedules: Vec<ScheduleRequest>,
    /// How MCP clients are served.
    pub mcp: McpConfig,
    /// What this host takes.
    pub limits: HostLimits,
    /// Policy of job types, as far as their own policy file says nothing else.
    pub defaults: Policy,
}

/// Where tasks are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database file.
    pub path: PathBuf,
    /// How hard a commit tries to survive a power loss.
    pub synchronous: Synchronous,
    /// The folder of the files that jobs make: `artifacts/` in it once a job is completed, `work/` before.
    pub files: PathBuf,
}

/// How hard a commit tries to survive a power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// A task that was acknowledged survives a power loss.
    #[default]
    Full,
    /// A task that was acknowledged survives a killed process; a power loss may take the last ones.
    Normal,
}

/// How this machine works on tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Attempts that one process runs at once.
    pub concurrency: u32,
    /// How long a task stays with a process that no longer gives a sign of life.
    pub lease: Duration,
    /// Whether a worker stays behind when the last process that works ends before its jobs have.
    pub stay_behind: bool,
}

/// Where plugins are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginsConfig {
    /// The folder that is watched for `NAME.wasm` and `NAME.toml`.
    pub dir: PathBuf,
    /// The folder of compiled code, which can be deleted at any time. All projects of a user share one, unless said
    /// otherwise.
    pub cache: PathBuf,
    /// Digests and keys of the components that are accepted; all without it.
    pub accept: Option<Vec<String>>,
}

/// A data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceConfig {
    /// A SQLite database, opened for reading only.
    Sqlite {
        /// Its file.
        path: PathBuf,
    },
}

/// How jobs call the web.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpConfig {
    /// Certificates of the authorities to trust in place of the machine's.
    pub ca_file: Option<PathBuf>,
}

/// How MCP clients are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct McpConfig {
    /// How long a tool call waits for the end of its job before it answers with a handle.
    pub wait: Duration,
}

/// What this host takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLimits {
    /// Largest payload, in bytes of JSON.
    pub payload_bytes_max: u64,
}

impl Config {
    /// Reads `longshore.toml` in the folder `project`.
    pub fn load(project: &Path) -> Result<Self, ConfigError> {
        let path = project.join(FILE_NAME);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Unreadable { file: path.clone(), source })?;
        let project = std::path::absolute(project)
            .map_err(|source| ConfigError::Unreadable { file: path.clone(), source })?;
        let file = file::parse(&text).map_err(|error| ConfigError::from_toml(&path, &text, &error))?;
        Ok(file.resolve(project, env::user_cache()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        Config::load(folder.path())
    }

    fn refusal(text: &str) -> String {
        let error = load(text).unwrap_err();
        let hint = error.hint().map(|hint| format!(" | {hint}")).unwrap_or_default();
        let shown = format!("{error}{hint}");
        shown[shown.find(FILE_NAME).unwrap()..].to_string()
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = load("").unwrap();
        let concurrency = file::usual_concurrency(file::cores());
        let worker = WorkerConfig { concurrency, lease: Duration::from_secs(6), stay_behind: true };
        assert_eq!(config.worker, worker);
        assert_eq!(config.mcp.wait, Duration::from_secs(3));
        assert_eq!(config.limits.payload_bytes_max, 1 << 20);
        assert_eq!(config.store.synchronous, Synchronous::Full);
        assert_eq!(config.defaults, Policy::default());
        assert!(config.sources.is_empty() && config.channels.is_empty() && config.schedules.is_empty());
        assert!(config.plugins.dir.is_absolute() && config.plugins.dir.ends_with("plugins"));
    }

    #[test]
    fn the_usual_concurrency_follows_the_cores() {
        assert_eq!([1, 2, 4, 8, 16, 128].map(file::usual_concurrency), [50, 50, 64, 128, 256, 256]);
    }

    #[test]
    fn the_template_says_what_the_defaults_are() {
        let mut template = load(TEMPLATE).unwrap();
        let shop = template.sources.remove("shop").unwrap();
        assert_eq!(shop, SourceConfig::Sqlite { path: template.project.join("shop.db") });
        let email = template.channels.remove("email").unwrap();
        assert_eq!(email.sink, SinkConfig::Spool { path: template.project.join("spool/email") });
        let mut defaults = load("").unwrap();
        // Only the folders differ, because each test file has its own.
        defaults.project.clone_from(&template.project);
        defaults.store.path.clone_from(&template.store.path);
        defaults.store.files.clone_from(&template.store.files);
        defaults.plugins = template.plugins.clone();
        assert_eq!(template, defaults);
    }

    #[test]
    fn every_setting_of_the_template_that_is_commented_out_is_a_setting() {
        let live: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_string() + "\n")
            .collect();
        assert_ne!(live, TEMPLATE);
        let live = load(&live).unwrap();
        assert_eq!(live.defaults, Policy::default());
        let plain = load(TEMPLATE).unwrap();
        let (mut shown, email) = (live.channels["email"].clone(), &plain.channels["email"]);
        // Without one there is no rate, so the one that is shown is an example.
        shown.policy.rate = None;
        assert_eq!(shown.policy, email.policy);
        assert_eq!((live.channels.len(), live.secrets.len()), (3, 1));
        assert_eq!(live.schedules.len(), 1);
    }

    #[test]
    fn paths_are_relative_to_the_file_and_may_be_absolute() {
        let config = load("[store]\npath = '/var/lib/tasks.db'\n[sources.x]\npath = 'a/b.db'").unwrap();
        assert_eq!(config.store.path, Path::new("/var/lib/tasks.db"));
        assert_eq!(config.sources["x"], SourceConfig::Sqlite { path: config.project.join("a/b.db") });
    }

    #[test]
    fn a_secret_is_somewhere_else() {
        let config = load("[secrets.a]\nenv = 'CRM_TOKEN'\n[secrets.b]\nfile = 'secrets/b'").unwrap();
        assert_eq!(config.secrets["a"], SecretConfig::Env("CRM_TOKEN".into()));
        assert_eq!(config.secrets["b"], SecretConfig::File(config.project.join("secrets/b")));
        assert!(refusal("[secrets.a]\n").contains("env, a variable, or file"));
        assert!(refusal("[secrets.a]\nenv = 'A'\nfile = 'b'").contains("not both"));
        assert!(refusal("[secrets.a]\nvalue = 'hunter2'").contains("unknown field `value`"));
    }

    #[test]
    fn any_text_is_a_configuration_or_is_refused_where_it_is_wrong() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config");
        longshore_fuzz::Corpus::read(&folder).fuzz(2_000, |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            match file::parse(text) {
                Ok(file) => {
                    let config = file.resolve("/project".into(), None);
                    assert!(config.store.path.is_absolute() && config.worker.concurrency > 0);
                }
                Err(error) => {
                    let shown = ConfigError::from_toml(Path::new("longshore.toml"), text, &error).to_string();
                    assert!(shown.starts_with("longshore.toml"), "{shown}");
                }
            }
        });
    }

    #[test]
    fn a_schedule_that_makes_no_sense_is_refused_where_it_stands() {
        let text = "[[schedules]]\nname = 'nightly'\njob_type = 'export'\ncron = '0 25 * * *'\n";
        let refused = refusal(text);
        assert!(refused.starts_with("longshore.toml:1:1: schedule \"nightly\": cron"), "{refused}");
    }

    #[test]
    fn an_unknown_setting_is_refused_where_it_stands() {
        assert_eq!(
            refusal("[worker]\n\nconcurency = 5\n"),
            "longshore.toml:3:1: unknown field `concurency`, expected one of `concurrency`, `lease_ms`, `stay_behind` | did \
             you mean `concurrency`?"
        );
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_with_the_bounds() {
        assert_eq!(
            refusal("[worker]\nconcurrency = 0\n"),
            "longshore.toml:2:15: 0 is out of bounds: it must be from 1 to 10000"
        );
        assert!(refusal("[mcp]\nwait_seconds = -1").contains("longshore.toml:2:16: "));
        assert!(refusal("[store]\nsynchronous = 'off'").contains("unknown variant `off`"));
    }

    #[test]
    fn broken_toml_is_refused_where_it_breaks() {
        assert!(refusal("[store]\npath = \n").starts_with("longshore.toml:2:"));
    }

    #[test]
    fn names_and_kinds_are_checked() {
        assert!(refusal("[sources.'Bad Name']\npath = 'x'").contains("a-z"));
        assert!(refusal("[channels.sms]\nkind = 'pigeon'\npath = 'x'").contains("pigeon"));
        assert!(refusal("[defaults.grants]\ndata = ['shop']").contains("NAME.toml"));
    }
}
