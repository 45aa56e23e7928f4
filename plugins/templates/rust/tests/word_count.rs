//! The whole job on a small table, in an ordinary `cargo test`.

#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use longshore_plugin::testing::{TestHost, assert_describes, assert_resumes};
use serde_json::json;
use word_count::WordCount;

fn host() -> TestHost {
    let notes = "
        CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
        INSERT INTO notes VALUES (1, 'one'), (2, 'two words'), (4, NULL), (7, ' and  now three '), (8, ''), (9, 'five');";
    // Two rows at a time, so that there are several batches.
    TestHost::new().source("notes", notes).batches_of(2)
}

#[test]
fn it_describes_itself() {
    assert_describes::<WordCount>();
}

#[test]
fn words_are_counted() {
    let host = host();
    let result = host.run::<WordCount>(&json!({ "table": "notes", "column": "text" })).unwrap();
    assert_eq!(result, json!({ "records_processed": 5, "words": 7, "file": "word_count.csv" }));
    assert_eq!(host.artifact("word_count.csv"), b"rowid,words\n1,1\n2,2\n7,3\n8,0\n9,1\n");
}

#[test]
fn interruptions_do_not_show_in_the_file() {
    assert_resumes::<WordCount>(host, &json!({ "table": "notes", "column": "text" }));
}

#[test]
fn a_wrong_column_is_an_invalid_input() {
    let error = host().run::<WordCount>(&json!({ "table": "notes", "column": "body" })).unwrap_err();
    assert!(error.to_string().contains("no such column: notes.body"), "{error}");
}
