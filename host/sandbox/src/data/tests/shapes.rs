//! Sources that are damaged, locked up, or more than tables; and what is said of them.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{Other, Reading, closed, count, integers, names, refusal};
use crate::data::open::{self, LogIndex};
use crate::data::{Stopped, check_source};

#[test]
fn a_hot_journal_is_left_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Other::new(&path, None);
    writer.sql("CREATE TABLE t(a, b)");
    writer.sql("INSERT INTO t VALUES (1, zeroblob(500000))");
    writer.sql("PRAGMA cache_size = 2");
    writer.sql("BEGIN; UPDATE t SET b = randomblob(500000); INSERT INTO t VALUES (2, zeroblob(500000))");
    writer.kill();
    let journal = fs::read(path.with_file_name("a.db-journal")).unwrap();
    let refused = refusal(&path);
    assert!(refused.contains("a.db-journal") && refused.contains("as its owner: sqlite3 a.db"), "{refused}");
    assert_eq!(fs::read(path.with_file_name("a.db-journal")).unwrap(), journal);
    assert_eq!(check_source(&path, false).unwrap_err(), refused);
    let mut owner = Other::new(&path, None);
    owner.sql("SELECT count(*) FROM t");
    assert_eq!((count(&path), names(&folder)), (1, vec!["a.db".to_owned()]));
}

#[test]
fn what_is_no_database_says_what_it_is() {
    let (folder, good) = closed(3);
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "id,name\n1,Ravi\n".repeat(100)).unwrap();
    fs::write(
        at("noise"),
        (0..4_096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    )
    .unwrap();
    let mut newer = fs::read(&good).unwrap();
    (newer[18], newer[19]) = (9, 9);
    fs::write(at("newer"), &newer).unwrap();
    fs::write(at("schema"), {
        let mut bytes = fs::read(&good).unwrap();
        (bytes[18], bytes[19], bytes[47]) = (1, 1, 9);
        bytes
    })
    .unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    for (name, words) in [
        ("text", "not a SQLite database, or it is encrypted"),
        ("noise", "not a SQLite database, or it is encrypted"),
        ("newer", "version 9 of the file format"),
        ("schema", "newer SQLite"),
        ("pipe", "not a regular file"),
        ("missing", "there is no file"),
        ("", "it is a directory"),
        ("a.db/x", "cannot be read"),
    ] {
        let refused = refusal(&at(name));
        assert!(refused.contains(words), "{name}: {refused}");
        assert!(
            !refused.contains(folder.path().to_str().unwrap()),
            "where a source is, no job is told: {refused}"
        );
    }
    assert!(refusal(Path::new("/dev/null")).contains("not a regular file"));
    // An empty file is an empty database.
    fs::write(at("empty"), "").unwrap();
    assert!(open::open(&at("empty"), LogIndex::Shared).is_ok());
}

#[tokio::test]
async fn indexes_for_text_and_ranges_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut owner = Other::new(&path, None);
    owner.sql(
        "CREATE VIRTUAL TABLE notes USING fts5(title, body);
         INSERT INTO notes VALUES ('tea', 'green tea from Assam'), ('rice', 'basmati');
         CREATE VIRTUAL TABLE old USING fts4(body); INSERT INTO old VALUES ('green tea');
         CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); INSERT INTO boxes VALUES (1, 0, 2), (2, 5, 6);
         CREATE TABLE secret(a); INSERT INTO secret VALUES ('hidden')",
    );
    let mut reading = Reading::of(&path);
    let queries = [
        ("SELECT count(*) FROM notes", 2),
        ("SELECT count(*) FROM notes WHERE notes MATCH 'tea'", 1),
        ("SELECT count(*) FROM old WHERE body MATCH 'green'", 1),
        ("SELECT id FROM boxes WHERE x0 >= 4", 2),
    ];
    for (sql, expected) in queries {
        assert_eq!(integers(&reading.rows(sql).await.unwrap()), [expected], "{sql}");
    }
    for sql in [
        "INSERT INTO notes VALUES ('a', 'b')",
        "DELETE FROM notes_data",
        "UPDATE boxes_node SET data = x''",
        "DELETE FROM boxes",
    ] {
        let message = reading.fails(sql).await;
        let is_refused =
            message.contains("only reading is allowed") || message.contains("may not be modified");
        assert!(is_refused, "{sql}: {message}");
    }
    // Who may read all of an index may, and who may not, may not.
    let all = r#"{"notes": "*", "old": "*", "boxes": "*"}"#;
    reading.tables = Some(serde_json::from_str(all).unwrap());
    for (sql, expected) in queries {
        assert_eq!(integers(&reading.rows(sql).await.unwrap()), [expected], "{sql} with grants");
    }
    assert!(matches!(reading.rows("SELECT a FROM secret").await, Err(Stopped::NotGranted(_))));
    reading.tables = Some(serde_json::from_str(r#"{"notes": ["title"]}"#).unwrap());
    for sql in ["SELECT body FROM notes", "SELECT c1 FROM notes_content"] {
        assert!(matches!(reading.rows(sql).await, Err(Stopped::NotGranted(_))), "{sql}");
    }
    assert_eq!(check_source(&path, true).unwrap(), []);
}

#[tokio::test]
async fn what_a_schema_needs_and_the_host_has_not_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let reading = Reading::of(&path);
    let owner = Connection::open(&path).unwrap();
    owner
        .create_scalar_function("tax", 1, rusqlite::functions::FunctionFlags::default(), |context| {
            context.get::<i64>(0)
        })
        .unwrap();
    owner
        .execute_batch(
            "CREATE TABLE t(a TEXT COLLATE nocase, b, c GENERATED ALWAYS AS (b + 1));
             INSERT INTO t(a, b) VALUES ('x', 1);
             CREATE VIEW taxed AS SELECT tax(b) FROM t;
             CREATE VIEW sorted AS SELECT a FROM t ORDER BY a;
             PRAGMA writable_schema = 1;
             UPDATE sqlite_schema SET sql = replace(sql, 'nocase', 'indian') WHERE name = 't';
             INSERT INTO sqlite_schema VALUES
                ('table', 'spell', 'spell', 0, 'CREATE VIRTUAL TABLE spell USING spellfix1');",
        )
        .unwrap();
    drop(owner);
    assert_eq!(integers(&reading.rows("SELECT c FROM t").await.unwrap()), [2]);
    for (sql, words) in [
        ("SELECT * FROM taxed", ["no such function: tax", "tables under the view"]),
        ("SELECT * FROM sorted", ["indian", "COLLATE BINARY"]),
        ("SELECT * FROM spell", ["no such module: spellfix1", "ordinary one"]),
        ("PRAGMA journal_mode", ["PRAGMA journal_mode", "table_xinfo"]),
        ("ATTACH 'x' AS y", ["attach another file", "only reading"]),
        ("DELETE FROM t", ["delete from \"t\"", "only reading"]),
    ] {
        let message = reading.fails(sql).await;
        assert!(words.iter().all(|word| message.contains(word)), "{sql}: {message}");
    }
    let troubles: Vec<String> =
        check_source(&path, false).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(troubles, ["sorted", "spell", "taxed"]);
}

#[tokio::test]
async fn a_value_that_is_too_large_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let reading = Reading::of(&path);
    let owner = Connection::open(&path).unwrap();
    owner
        .execute_batch(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
             INSERT INTO t VALUES (1, 'a', zeroblob(10)), (2, 'b', zeroblob(5000)), (3, 'c', zeroblob(900));",
        )
        .unwrap();
    drop(owner);
    let reading = Reading { value_bytes_max: 1_000, ..reading };
    let large = |stopped| match stopped {
        Err(Stopped::RowTooLarge(large) | Stopped::ValueTooLarge(large)) => (large.row, large.column),
        other => panic!("{other:?}"),
    };
    let photo = Some(("photo".to_owned(), 5_000));
    for sql in
        ["SELECT * FROM t", "SELECT id, name, photo FROM t ORDER BY id; ", "SELECT photo FROM t -- all"]
    {
        assert_eq!(large(reading.rows(sql).await), (2, photo.clone()), "{sql}");
    }
    assert_eq!(large(reading.rows("SELECT photo, name FROM t WHERE id = 2").await), (1, photo));
    // Two values that are too large together.
    let both = "SELECT photo AS a, photo AS b FROM t WHERE id = 3";
    assert_eq!(large(reading.rows(both).await), (1, Some(("a".into(), 900))));
    // What is only computed on the way.
    let computed = large(reading.rows("SELECT length(hex(zeroblob(900)) || 'x') FROM t").await);
    assert_eq!(computed, (1, None));
}
