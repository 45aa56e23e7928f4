//! A machine whose disk and clock do as a test says, for a real process that is told nothing of it: the shim of the crash
//! harness stands between the process and its C library.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Client, Era, Project};

/// How long is waited for a line of a log.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the processes of a project run on.
pub(crate) struct Machine<'a> {
    project: &'a Project,
    folder: PathBuf,
}

impl<'a> Machine<'a> {
    /// A machine that does everything right.
    pub(crate) fn new(project: &'a Project) -> Self {
        Self { project, folder: fs::canonicalize(project.path(".")).unwrap() }
    }

    /// From now on, until it is mended: lines of an error and a part of the paths that it is for.
    pub(crate) fn fails(&self, lines: &str) {
        let (new, fault) = (self.folder.join("fault.new"), self.folder.join("fault"));
        fs::write(&new, lines).unwrap();
        fs::rename(new, fault).unwrap();
    }

    /// From now on nothing fails.
    pub(crate) fn is_mended(&self) {
        fs::remove_file(self.folder.join("fault")).unwrap();
    }

    /// From now on the clock is ahead by that much.
    pub(crate) fn sets_clock_ahead(&self, ahead: Duration) {
        let (new, clock) = (self.folder.join("clock.new"), self.folder.join("clock"));
        fs::write(&new, ahead.as_millis().to_string()).unwrap();
        fs::rename(new, clock).unwrap();
    }

    /// The binary, about to run on this machine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // Cargo puts what the tests depend on beside them.
        let shim = std::env::current_exe().unwrap().with_file_name("liblongshore_crash_shim.so");
        assert!(shim.exists(), "there is no {}", shim.display());
        let mut command = self.project.command(arguments);
        command
            .env("LD_PRELOAD", shim)
            .env("LONGSHORE_CRASH_UNDER", self.folder.join("data"))
            .env("LONGSHORE_CRASH_FAULT_FILE", self.folder.join("fault"))
            .env("LONGSHORE_CRASH_CLOCK_FILE", self.folder.join("clock"));
        command
    }

    /// Starts `longshore serve` with a client at its pipes. Its log goes to the file `LOG.log`.
    pub(crate) fn serve(&self, log: &str) -> Client {
        let file = fs::File::create(self.log_file(log)).unwrap();
        Client::start_logging(self.command(&["serve"]), Era::Modern, file.into())
    }

    /// The lines that a process logged so far.
    pub(crate) fn log(&self, log: &str) -> Vec<String> {
        let text = fs::read_to_string(self.log_file(log)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a process has logged a line with that text.
    pub(crate) fn until_logged(&self, log: &str, text: &str) {
        until(text, || self.log(log).iter().any(|line| line.contains(text)));
    }

    fn log_file(&self, log: &str) -> PathBuf {
        self.folder.join(format!("{log}.log"))
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
