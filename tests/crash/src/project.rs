//! Project folders that `longshore init` makes, and commands in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::delivery::outlets::{self, Outlets};
use crate::jobs::Stranger;

/// How long a task stays with a killed process. Short, so that a campaign is about kills and not about waiting.
const LEASE_MS: u32 = 1_000;

/// Attempts that one process runs at once. Few, so that on a small machine a process under load keeps its short leases.
const CONCURRENCY: u32 = 6;

/// How far the clock is set ahead where leases are to be over: beyond that of a message to a folder, which is a minute.
pub(crate) const AHEAD: Duration = Duration::from_mins(2);

/// Every job type may send through every channel, and is tried again for as long as a campaign lasts: it is the harness that
/// kills, not the job.
fn policy(outlets: Option<&Outlets>) -> String {
    format!("[grants]\ndata = [\"shop\"]\noutbox = {:?}\n{LIMITS}", outlets::channels(outlets))
}

const LIMITS: &str = "
[limits]
fuel = 1_000_000_000_000
timeout_ms = 600_000

[retry]
max_attempts = 100_000
min_backoff_ms = 20
max_backoff_ms = 200
";

/// The programs and guests that a campaign is made with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) longshore: PathBuf,
    /// The library that is preloaded.
    pub(crate) shim: PathBuf,
    /// Folder of the test guests' components.
    pub(crate) guests: PathBuf,
    /// A job type that is killed beside ours.
    pub(crate) stranger: Option<Stranger>,
    /// Folder of compiled plugins, shared by all projects of a campaign.
    pub(crate) cache: PathBuf,
}

/// A project folder.
#[derive(Clone)]
pub(crate) struct Project {
    folder: PathBuf,
    tools: Tools,
}

impl Project {
    /// Has `longshore init` make a project, and gives it a short lease, the channels, the guests and patient policies.
    pub(crate) fn init(
        folder: &Path,
        tools: &Tools,
        guests: &[&str],
        outlets: Option<&Outlets>,
    ) -> Result<Self> {
        let project = Self { folder: folder.to_owned(), tools: tools.clone() };
        let done = Command::new(&tools.longshore).arg("init").arg(folder).output()?;
        ensure!(done.status.success(), "longshore init: {}", String::from_utf8_lossy(&done.stderr));
        let file = folder.join("longshore.toml");
        let text = fs::read_to_string(&file)?;
        let (lease, concurrency) = ("\nlease_ms = 6000\n", "\n#: concurrency = 50\n");
        let stays = "\nstay_behind = true\n";
        ensure!(
            text.contains(lease) && text.contains(concurrency) && text.contains(stays),
            "longshore.toml has other defaults than it had"
        );
        let mut text = text
            .replace(lease, &format!("\nlease_ms = {LEASE_MS}\n"))
            .replace(concurrency, &format!("\nconcurrency = {CONCURRENCY}\n"))
            // A campaign starts and ends all its processes itself.
            .replace(stays, "\nstay_behind = false\n");
        if let Some(outlets) = outlets {
            // In its place for siblings, too.
            let secret = folder.join("webhook-secret");
            fs::write(&secret, outlets.secret())?;
            text += &outlets.configuration(&secret.to_string_lossy());
        }
        fs::write(&file, text)?;
        let plugins = folder.join("plugins");
        for guest in guests {
            let name = format!("{guest}.wasm");
            fs::copy(tools.guests.join(&name), plugins.join(&name))
                .with_context(|| format!("the guest {guest} is not in {}", tools.guests.display()))?;
        }
        if let Some(stranger) = &tools.stranger {
            let component = plugins.join(&stranger.name).with_extension("wasm");
            fs::copy(&stranger.component, &component)
                .with_context(|| format!("cannot copy {}", stranger.component.display()))?;
        }
        for plugin in fs::read_dir(&plugins)? {
            let plugin = plugin?.path();
            if plugin.extension().is_some_and(|extension| extension == "wasm") {
                fs::write(plugin.with_extension("toml"), policy(outlets))?;
            }
        }
        Ok(project)
    }

    /// Another project with the same configuration, shop and plugins, and without tasks.
    pub(crate) fn sibling(&self, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("data"))?;
        // The shop and the plugins are only read.
        for shared in ["shop.db", "plugins"] {
            std::os::unix::fs::symlink(self.folder.join(shared), folder.join(shared))?;
        }
        fs::copy(self.folder.join("longshore.toml"), folder.join("longshore.toml"))?;
        Ok(Self { folder: folder.to_owned(), tools: self.tools.clone() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.join("spool")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("longshore.db")
    }

    pub(crate) fn shop(&self) -> PathBuf {
        self.folder.join("shop.db")
    }

    /// A command of `longshore` in this project, with the shim in it. Its log is added to `LOG.log`.
    pub(crate) fn command(&self, name: &str, log: &str) -> Result<Command> {
        let log =
            fs::File::options().create(true).append(true).open(self.folder.join(format!("{log}.log")))?;
        let mut command = Command::new(&self.tools.longshore);
        command
            .arg(name)
            .current_dir(&self.folder)
            .env_remove("LONGSHORE_PROJECT")
            .env("XDG_CACHE_HOME", &self.tools.cache)
            .env("LD_PRELOAD", &self.tools.shim)
            .env("LONGSHORE_CRASH_UNDER", self.watched()?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }

    /// A command whose clock is so far ahead that whatever a killed process held is free.
    pub(crate) fn later(&self, name: &str, log: &str) -> Result<Command> {
        let mut command = self.command(name, log)?;
        command.env("LONGSHORE_CRASH_CLOCK_MS", AHEAD.as_millis().to_string());
        Ok(command)
    }

    /// Makes the database, and compiles the plugins if that was not done yet.
    pub(crate) fn warm_up(&self) -> Result<()> {
        let output = self
            .command("plugin", "warm-up")?
            .args(["list", "--wait", "--json"])
            .stdout(Stdio::piped())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || said.contains("\"broken\"") || said.contains("\"blocked\"") {
            bail!("longshore plugin list: {said}");
        }
        Ok(())
    }

    /// The folders that are watched: those of the data and of the spool.
    fn watched(&self) -> Result<String> {
        let folder = fs::canonicalize(&self.folder)?;
        let folder = folder.to_str().context("the project's folder has a name that is no text")?;
        Ok(format!("{folder}/data:{folder}/spool"))
    }
}
