//! The connection that writes, and its transactions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB};
use tokio::sync::oneshot;

use super::log_watch::LogWatch;
use super::{Command, Outlives};
use crate::fault::{Fault, store_error};
use crate::generation::Arrival;
use crate::identity::Identity;
use crate::migrations::{forget_statistics, migrate, upgrade};
use crate::trouble::Trouble;
use crate::{StoreOptions, Synchronous, connection};

/// How long is waited for another program that was in the way the last time, too: long enough for any of ours, and short
/// enough that those who ask hear soon that it still is.
const PATIENCE_WHEN_BUSY: Duration = Duration::from_secs(1);

/// What commits wait for.
struct Commits {
    /// What the store's options promise of a durable commit.
    promised: Synchronous,
    /// What the connection is set to.
    now: Synchronous,
}

impl Commits {
    /// Sets the connection so that the next commit outlives that.
    fn shall_outlive(&mut self, connection: &Connection, outlives: Outlives) -> rusqlite::Result<()> {
        let wanted = match (outlives, self.promised) {
            (Outlives::Process, Synchronous::Full) => Synchronous::Normal,
            (_, promised) => promised,
        };
        if wanted != self.now {
            // Not a prepared statement: this pragma acts when it is prepared.
            connection.execute_batch(&format!("PRAGMA synchronous = {}", wanted.pragma()))?;
            self.now = wanted;
        }
        Ok(())
    }
}

/// The connection that writes.
pub(crate) struct Committer {
    connection: Connection,
    commits: Commits,
    files: Arc<Option<Identity>>,
    /// How long other programs are waited for.
    patience: Duration,
    trouble: Trouble,
    log_watch: LogWatch,
    /// What it was when the last batch began.
    data_version: u64,
    others_wrote: bool,
}

impl Committer {
    /// Opens the file for writing, and brings it to the newest schema.
    pub(super) fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        connection::be_patient(options.busy_timeout);
        let arrival = Arrival::begin(path, options.busy_timeout)?;
        let mut connection = connection::open_writer(path, options).map_err(|error| store_error(&error))?;
        // SQLite opens a file that it may not write to as one to read.
        if connection.is_readonly(MAIN_DB).map_err(|error| store_error(&error))? {
            return Err(StoreError::ReadOnly(format!("{} may not be written", path.display())));
        }
        upgrade(&mut connection, arrival.path())?;
        if forget_statistics(&connection)? {
            connection = connection::open_writer(path, options).map_err(|error| store_error(&error))?;
        }
        let content = arrival.settle(&connection);
        Ok(Self::on(connection, options, Identity::of(path, content)))
    }

    /// Makes a database in memory, which lasts as long as some connection to it.
    pub(super) fn in_memory(name: &str) -> Result<Self, StoreError> {
        let options = StoreOptions { synchronous: Synchronous::Off, ..StoreOptions::default() };
        let mut connection =
            connection::open_in_memory(name, &options).map_err(|error| store_error(&error))?;
        migrate(&mut connection)?;
        Ok(Self::on(connection, &options, None))
    }

    fn on(connection: Connection, options: &StoreOptions, files: Option<Identity>) -> Self {
        let synchronous = options.synchronous;
        Self {
            connection,
            commits: Commits { promised: synchronous, now: synchronous },
            files: Arc::new(files),
            patience: options.busy_timeout,
            trouble: Trouble::default(),
            log_watch: LogWatch::new(),
            data_version: 0,
            others_wrote: false,
        }
    }

    /// Which files it writes into.
    pub(super) fn files(&self) -> Arc<Option<Identity>> {
        Arc::clone(&self.files)
    }

    /// What flushes are promised.
    pub(super) fn promised(&self) -> Synchronous {
        self.commits.promised
    }

    /// The connection, for those who read.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether another process wrote since this was asked last.
    pub(super) fn take_others_wrote(&mut self) -> bool {
        std::mem::take(&mut self.others_wrote)
    }

    /// Runs the commands in one transaction. If one fails all are rolled back and each runs alone, so that only that
    /// one is undone. Failures are rare; a savepoint for each command would cost all of them. Where the machine failed
    /// all have failed; only on a full disk there may be room for those that write little.
    pub(super) fn commit_together(&mut self, commands: &mut Vec<Box<dyn Command>>, outlives: Outlives) {
        connection::be_patient(if self.trouble.is_busy() {
            self.patience.min(PATIENCE_WHEN_BUSY)
        } else {
            self.patience
        });
        match self.run_in_transaction(commands, outlives) {
            Ok(changed) => {
                // A batch that changed nothing has written nothing, and so says nothing of the disk.
                if changed {
                    self.trouble.over();
                    if let Some(files) = Option::as_ref(&self.files) {
                        self.log_watch.look(files.database(), || files.log_bytes());
                    }
                }
                answer_all(commands, &Ok(()));
            }
            Err(fault) if commands.len() == 1 || fault.is_of_the_machine() => {
                let error = self.told(fault, commands.len());
                answer_all(commands, &Err(error));
            }
            Err(_) => {
                for command in commands.drain(..) {
                    let mut alone = vec![command];
                    let committed = self
                        .run_in_transaction(&mut alone, outlives)
                        .map(drop)
                        .map_err(|fault| self.told(fault, alone.len()));
                    answer_all(&mut alone, &committed);
                }
            }
        }
    }

    /// What callers are told of a failure that the operator has been told of.
    fn told(&mut self, fault: Fault, commands: usize) -> StoreError {
        let error = StoreError::from(fault);
        if let Some(files) = Option::as_ref(&self.files) {
            files.note(&error);
        }
        if !self.trouble.note(&error) && !matches!(error, StoreError::NoSuchPage) {
            tracing::warn!(%error, commands, "a batch of writes was rolled back");
        }
        error
    }

    /// Runs the commands in one transaction, and says whether they changed anything.
    fn run_in_transaction(
        &mut self,
        commands: &mut [Box<dyn Command>],
        outlives: Outlives,
    ) -> Result<bool, Fault> {
        self.check_files()?;
        self.commits.shall_outlive(&self.connection, outlives)?;
        // Taken at the start: a command that reads first and writes later could otherwise find that its snapshot is
        // out of date.
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.watch_for_others();
        let changes = self.connection.total_changes();
        let done = commands
            .iter_mut()
            .try_for_each(|command| command.run(&self.connection))
            .and_then(|()| Ok(self.connection.prepare_cached("COMMIT")?.execute([])?));
        match done {
            // Looked at again: only what can be found may be acknowledged.
            Ok(_) => self.check_files().map(|()| self.connection.total_changes() != changes),
            Err(fault) => {
                // Some errors make SQLite roll back by itself.
                if !self.connection.is_autocommit() {
                    self.connection.prepare_cached("ROLLBACK")?.execute([])?;
                }
                Err(fault)
            }
        }
    }

    fn check_files(&self) -> Result<(), Fault> {
        Option::as_ref(&self.files).map_or(Ok(()), Identity::check)
    }

    /// Notes whether another process wrote since the last batch.
    fn watch_for_others(&mut self) {
        if let Ok(now) = self.data_version() {
            self.others_wrote |= self.data_version != 0 && now != self.data_version;
            self.data_version = now;
        }
    }

    /// Says the number that changes when another connection commits.
    pub(super) fn tell_data_version(&self, reply: oneshot::Sender<Result<u64, StoreError>>) {
        let _ = reply.send(self.data_version().map_err(|error| store_error(&error)));
    }

    fn data_version(&self) -> rusqlite::Result<u64> {
        let version: i64 =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(version as u64)
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        // The last connection to close moves the log into the file, which is not the log's any more.
        if self.check_files().is_err() {
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

fn answer_all(batch: &mut Vec<Box<dyn Command>>, committed: &Result<(), StoreError>) {
    for command in batch.drain(..) {
        command.answer(committed.clone());
    }
}
