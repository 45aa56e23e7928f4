//! The store's tables as they are, read past the store.

use std::collections::BTreeMap;

use longshore_domain::{SavedArtifact, TaskId, TaskState};
use rusqlite::{Connection, Row};
use uuid::Uuid;

/// Where a task is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    Ready,
    Scheduled { due_at: i64 },
    Running { attempt: u32, worker: String, until: i64, cancel_requested: bool },
    Finished { state: TaskState, result: Option<String>, code: Option<String>, at: i64 },
}

/// The last save of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) attempt: u32,
    pub(crate) saves: u32,
    pub(crate) messages: u32,
    pub(crate) state: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: Uuid,
    pub(crate) key: String,
    pub(crate) body: String,
    pub(crate) state: String,
    pub(crate) tries: u32,
    pub(crate) lost_tries: u32,
    /// The process that tries it.
    pub(crate) holder: Option<String>,
    pub(crate) due_at: Option<i64>,
}

/// All that is known of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskRows {
    pub(crate) seq: i64,
    pub(crate) job_type: String,
    pub(crate) rank: i64,
    pub(crate) key: Option<String>,
    pub(crate) payload: String,
    /// One, if all is well.
    pub(crate) places: Vec<Place>,
    pub(crate) attempts: u32,
    pub(crate) counted: u32,
    pub(crate) deadline_at: Option<i64>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) unpublished: bool,
    /// Number and outcome of each attempt that ended.
    pub(crate) ended: Vec<(u32, String)>,
    pub(crate) artifacts: Vec<SavedArtifact>,
    pub(crate) messages: Vec<Message>,
}

impl TaskRows {
    pub(crate) fn place(&self) -> &Place {
        &self.places[0]
    }

    pub(crate) fn state(&self) -> TaskState {
        match self.place() {
            Place::Ready => TaskState::Queued,
            Place::Scheduled { .. } => TaskState::Scheduled,
            Place::Running { .. } => TaskState::Running,
            Place::Finished { state, .. } => *state,
        }
    }

    /// The attempt that holds the task.
    pub(crate) fn holder(&self) -> Option<u32> {
        match self.place() {
            Place::Running { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }

    pub(crate) fn cancel_requested(&self) -> bool {
        matches!(self.place(), Place::Running { cancel_requested: true, .. })
    }
}

/// All tasks at one moment.
pub(crate) type Snapshot = BTreeMap<TaskId, TaskRows>;

const TASKS: &str = "
    SELECT t.seq, t.id, t.job_type, t.rank, t.idempotency_key, t.payload,
        q.seq IS NOT NULL,
        s.due_at,
        r.attempt, r.worker, r.lease_until, r.cancel_requested,
        f.state, f.result, f.failure_code, f.finished_at,
        coalesce(q.attempts, s.attempts, r.attempt, f.attempts, 0), coalesce(q.counted, s.counted, r.counted, 0),
        coalesce(q.deadline_at, s.deadline_at, r.deadline_at),
        c.attempt, c.saves, c.messages, c.state,
        u.seq IS NOT NULL
    FROM tasks AS t
    LEFT JOIN ready AS q ON q.seq = t.seq
    LEFT JOIN scheduled AS s ON s.seq = t.seq
    LEFT JOIN running AS r ON r.id = t.id
    LEFT JOIN finished AS f ON f.seq = t.seq
    LEFT JOIN checkpoints AS c ON c.seq = t.seq
    LEFT JOIN unpublished AS u ON u.seq = t.seq";

/// Rows of the four places, whether they belong to a task or not.
const PLACES: &str = "
    SELECT (SELECT count(*) FROM ready) + (SELECT count(*) FROM scheduled)
        + (SELECT count(*) FROM running) + (SELECT count(*) FROM finished)";

const ENDED: &str = "
    SELECT t.id, a.number, a.outcome FROM attempts AS a JOIN tasks AS t USING (seq) ORDER BY a.seq, a.number";

const ARTIFACTS: &str = "
    SELECT t.id, a.name, a.media_type, a.bytes, a.sha256
    FROM artifacts AS a JOIN tasks AS t USING (seq) ORDER BY a.seq, a.ordinal";

const MESSAGES: &str = "
    SELECT t.id, o.id, o.key, o.body, o.state, o.tries, d.due_at, o.lost_tries, d.holder
    FROM outbox AS o JOIN tasks AS t USING (seq) LEFT JOIN deliveries AS d USING (number) ORDER BY o.number";

/// Reads the tables.
pub(crate) struct Tables {
    connection: Connection,
    /// Changes whenever another connection has changed something.
    version: i64,
}

impl Tables {
    /// Opens the database in memory that has that name.
    pub(crate) fn open(name: &str) -> Self {
        let connection = Connection::open(format!("file:{name}?mode=memory&cache=shared")).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        Self { connection, version: -1 }
    }

    /// Deletes every row, and where numbers go on.
    pub(crate) fn delete_all(&mut self) {
        const NAMES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name NOT LIKE 'sqlite_%' OR name = 'sqlite_sequence')";
        let names: Vec<String> = self.rows(NAMES, |row| row.get(0));
        for name in names {
            self.connection.prepare_cached(&format!("DELETE FROM {name}")).unwrap().execute([]).unwrap();
        }
        self.version = -1;
    }

    /// All tables, if something changed since they were read last.
    pub(crate) fn read_if_changed(&mut self) -> Option<Snapshot> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).unwrap();
        let before = std::mem::replace(&mut self.version, version);
        (version != before).then(|| self.read())
    }

    fn read(&self) -> Snapshot {
        let mut tasks: Snapshot = self.rows(TASKS, |row| Ok((id(row)?, task(row)?))).into_iter().collect();
        let places: u32 =
            self.connection.prepare_cached(PLACES).unwrap().query_row([], |row| row.get(0)).unwrap();
        assert_eq!(
            places as usize,
            tasks.values().map(|task| task.places.len()).sum::<usize>(),
            "a row says where a task is that is nowhere"
        );
        let mut of_task = |id: TaskId, add: &mut dyn FnMut(&mut TaskRows)| {
            add(tasks.get_mut(&id).expect("the join names tasks only"));
        };
        for (id, ended) in self.rows(ENDED, |row| Ok((first_id(row)?, (row.get(1)?, row.get(2)?)))) {
            of_task(id, &mut |task| task.ended.push(ended.clone()));
        }
        for (id, made) in self.rows(ARTIFACTS, |row| Ok((first_id(row)?, artifact(row)?))) {
            of_task(id, &mut |task| task.artifacts.push(made.clone()));
        }
        for (id, sent) in self.rows(MESSAGES, |row| Ok((first_id(row)?, message(row)?))) {
            of_task(id, &mut |task| task.messages.push(sent.clone()));
        }
        tasks
    }

    fn rows<T>(&self, sql: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.connection.prepare_cached(sql).unwrap();
        let rows = statement.query_map([], |row| read(row)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }
}

fn id(row: &Row<'_>) -> rusqlite::Result<TaskId> {
    Ok(TaskId::from_bytes(row.get(1)?))
}

fn first_id(row: &Row<'_>) -> rusqlite::Result<TaskId> {
    Ok(TaskId::from_bytes(row.get(0)?))
}

fn task(row: &Row<'_>) -> rusqlite::Result<TaskRows> {
    let checkpoint = match row.get::<_, Option<u32>>(19)? {
        None => None,
        Some(attempt) => {
            Some(Checkpoint { attempt, saves: row.get(20)?, messages: row.get(21)?, state: row.get(22)? })
        }
    };
    Ok(TaskRows {
        seq: row.get(0)?,
        job_type: row.get(2)?,
        rank: row.get(3)?,
        key: row.get(4)?,
        payload: row.get(5)?,
        places: places(row)?,
        attempts: row.get(16)?,
        counted: row.get(17)?,
        deadline_at: row.get(18)?,
        checkpoint,
        unpublished: row.get(23)?,
        ended: Vec::new(),
        artifacts: Vec::new(),
        messages: Vec::new(),
    })
}

fn places(row: &Row<'_>) -> rusqlite::Result<Vec<Place>> {
    let mut places = Vec::new();
    if row.get(6)? {
        places.push(Place::Ready);
    }
    if let Some(due_at) = row.get(7)? {
        places.push(Place::Scheduled { due_at });
    }
    if let Some(attempt) = row.get(8)? {
        let (worker, until, cancel_requested) = (row.get(9)?, row.get(10)?, row.get(11)?);
        places.push(Place::Running { attempt, worker, until, cancel_requested });
    }
    if let Some(state) = row.get::<_, Option<String>>(12)? {
        let state = TaskState::from_name(&state).expect("a state of a task");
        places.push(Place::Finished { state, result: row.get(13)?, code: row.get(14)?, at: row.get(15)? });
    }
    Ok(places)
}

fn artifact(row: &Row<'_>) -> rusqlite::Result<SavedArtifact> {
    let bytes: i64 = row.get(3)?;
    Ok(SavedArtifact { name: row.get(1)?, media_type: row.get(2)?, bytes: bytes as u64, sha256: row.get(4)? })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: Uuid::from_bytes(row.get(1)?),
        key: row.get(2)?,
        body: row.get(3)?,
        state: row.get(4)?,
        tries: row.get(5)?,
        due_at: row.get(6)?,
        lost_tries: row.get(7)?,
        holder: row.get(8)?,
    })
}
