//! Sources as they are found: in WAL mode, with writers beside the reader, owned by others, or damaged.
//!
//! Writers are processes of their own: this test binary once more, told over its standard input what to do. Within one
//! process SQLite shares its locks, and nothing would be tested.

mod shapes;
mod wal;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::Tables;
use rusqlite::Connection;

use crate::bindings::longshore::job::data::Value;
use crate::data::open::{self, LogIndex};
use crate::data::{Allowed, Cursor, Queries, QueryError, Readers, Sources, Stopped};

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// Another process with a connection to a database.
struct Other {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStderr>,
}

impl Other {
    fn new(path: &Path, user: Option<u32>) -> Self {
        // SQLite is set up once in a process, before it is used.
        assert!(crate::limit_memory_of_queries());
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["--exact", "data::tests::other", "--ignored", "--nocapture"])
            .env("LONGSHORE_TEST_DATABASE", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let mut other = Self { child, to, from };
        assert_eq!(other.answer(), "ready");
        other
    }

    /// Has it do something, and returns what it says.
    fn ask(&mut self, what: &str) -> String {
        writeln!(self.to, "{}", what.replace('\n', " ")).unwrap();
        self.answer()
    }

    fn sql(&mut self, sql: &str) {
        assert_eq!(self.ask(sql), "ok", "{sql}");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends it as a crash would.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it close its connection and end.
    fn close(mut self) {
        drop(self.to);
        self.child.wait().unwrap();
    }
}

/// The other process.
#[test]
#[ignore = "is a process of its own, started by other tests"]
fn other() {
    let Some(path) = std::env::var_os("LONGSHORE_TEST_DATABASE") else { return };
    let mut connection = None;
    eprintln!("ready");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let answer = match line.as_str() {
            "close" => {
                connection = None;
                "ok".to_owned()
            }
            // Reads as a source is read.
            "read" => match open::open(Path::new(&path), LogIndex::Shared) {
                Ok(opened) => opened
                    .query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                    .map_or_else(|error| error.to_string(), |count| count.to_string()),
                Err(why) => why,
            },
            sql => {
                let connection: &mut Connection =
                    connection.get_or_insert_with(|| Connection::open(&path).unwrap());
                connection.busy_timeout(Duration::from_secs(5)).unwrap();
                connection.execute_batch(sql).map_or_else(|error| error.to_string(), |()| "ok".into())
            }
        };
        eprintln!("{answer}");
    }
}

/// A folder with a database `a.db` in WAL mode, closed, whose table `t` has `rows` rows that are all `1`.
fn closed(rows: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut other = Other::new(&path, None);
    other.sql("PRAGMA journal_mode = wal");
    other.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, value INTEGER, filling BLOB)");
    other.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i, 1, zeroblob(500) FROM n"
    ));
    other.close();
    assert_eq!(names(&folder), ["a.db"]);
    (folder, path)
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn count(path: &Path) -> i64 {
    let opened = open::open(path, LogIndex::Shared).unwrap();
    opened.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

fn refusal(path: &Path) -> String {
    open::open(path, LogIndex::Shared).map(|_opened| ()).unwrap_err()
}

/// A source, and what a job would read of it.
struct Reading {
    sources: Sources,
    tables: Option<Tables>,
    value_bytes_max: u64,
}

impl Reading {
    fn of(path: &Path) -> Self {
        assert!(crate::limit_memory_of_queries());
        let sources = Sources::new(BTreeMap::from([("a".to_owned(), path.to_owned())]));
        Self { sources, tables: None, value_bytes_max: 1 << 20 }
    }

    async fn open(&self, sql: &str) -> Result<Cursor, QueryError> {
        let allowed = Allowed {
            tables: self.tables.clone(),
            value_bytes_max: self.value_bytes_max,
            memory_bytes_max: 64 << 20,
            time_max: Duration::from_secs(60),
            rows_max: 10_000_000,
        };
        let source: &Arc<_> = self.sources.get("a").unwrap();
        let mut queries = Queries::new(&Readers::new(None), 16, allowed.memory_bytes_max);
        Cursor::open(source, "a", sql.into(), Vec::new(), allowed, &mut queries).await
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, Stopped> {
        let mut cursor = match self.open(sql).await {
            Ok(cursor) => cursor,
            Err(QueryError::Stopped(stopped)) => return Err(stopped),
            Err(QueryError::Unavailable(why)) => return Err(Stopped::Unavailable(why)),
        };
        rest(&mut cursor).await
    }

    async fn fails(&self, sql: &str) -> String {
        match self.rows(sql).await {
            Err(Stopped::Failed(message) | Stopped::Unavailable(message)) => message,
            other => panic!("{sql}: {other:?}"),
        }
    }
}

async fn rest(cursor: &mut Cursor) -> Result<Vec<Vec<Value>>, Stopped> {
    let mut rows = Vec::new();
    loop {
        let batch = cursor.next(1_000).await?;
        if batch.rows() == 0 {
            return Ok(rows);
        }
        rows.extend(batch.into_values(cursor.columns().len()));
    }
}

fn integers(rows: &[Vec<Value>]) -> Vec<i64> {
    let first = |row: &Vec<Value>| match row[0] {
        Value::Integer(integer) => integer,
        ref other => panic!("{other:?}"),
    };
    rows.iter().map(first).collect()
}
