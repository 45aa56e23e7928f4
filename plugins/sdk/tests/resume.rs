//! What `assert_resumes` finds: each job here has one fault, or none.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use longshore_plugin::prelude::*;
use longshore_plugin::testing::{TestHost, assert_resumes};
use longshore_plugin::{Artifact, JobError};
use serde_json::json;
use std::cell::RefCell;
use std::io::{BufWriter, LineWriter};
use std::panic::catch_unwind;

/// A job whose work is `$body`, with the context, the numbers of the rows from 1 to 7 that are left, the state (how many
/// rows are done) and the file `out.csv`.
macro_rules! job {
    ($name:ident, |$ctx:ident, $rows:ident, $done:ident, $file:ident| $body:block) => {
        struct $name;

        impl Job for $name {
            const NAME: &'static str = "test_job";
            const VERSION: &'static str = "1.0.0";
            const TITLE: &'static str = "Test job";
            const DESCRIPTION: &'static str = "Writes seven rows.";
            type Input = Nothing;
            type Output = Rows;
            type State = u64;

            #[allow(unused_mut)]
            fn run($ctx: &Context<u64>, _: Nothing) -> Result<Rows> {
                let mut $done = $ctx.load()?.unwrap_or(0);
                let mut $file = $ctx.artifact("out.csv", "text/csv")?;
                let $rows = $done + 1..=7;
                $body
                Ok(Rows { rows: $done })
            }
        }
    };
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Rows {
    rows: u64,
}

/// The message of the panic that is expected.
fn complaint<J: Job>() -> String {
    let panic = catch_unwind(|| assert_resumes::<J>(TestHost::new, &json!({})).1).unwrap_err();
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()))
        .unwrap()
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

job!(Right, |ctx, rows, done, file| {
    for row in rows {
        writeln!(file, "row {row}")?;
        done = row;
        ctx.progress(done, 7u64, "writing")?;
        if ctx.save_due(done, 1000) {
            ctx.save(&done)?;
        }
    }
});

#[test]
fn a_job_that_resumes_passes_with_few_rows() {
    let (host, result) = assert_resumes::<Right>(TestHost::new, &json!({}));
    assert_eq!(result, json!({ "rows": 7 }));
    assert_eq!(host.saves(), 0, "the host that is returned keeps the job's own distance");
    assert_eq!(host.artifact("out.csv"), b"row 1\nrow 2\nrow 3\nrow 4\nrow 5\nrow 6\nrow 7\n");
}

#[test]
fn saves_are_due_at_multiples() {
    let saves = [1, 2, 3, 7, 8].map(|steps| {
        let host = TestHost::new().save_every(steps);
        host.run::<Right>(&json!({})).unwrap();
        host.saves()
    });
    assert_eq!(saves, [7, 3, 2, 1, 0]);
}

#[test]
fn a_distance_that_the_test_sets_is_the_only_one() {
    let (host, _) = assert_resumes::<Right>(|| TestHost::new().save_every(2), &json!({}));
    assert_eq!(host.saves(), 3);
    let panic = catch_unwind(|| assert_resumes::<Right>(|| TestHost::new().save_every(50), &json!({})).1);
    assert!(panic.is_err(), "it never saves with that distance");
}

job!(NeverSaves, |_ctx, rows, done, file| {
    for row in rows {
        writeln!(file, "row {row}")?;
        done = row;
    }
});

job!(SavesAreDueButNotMade, |ctx, rows, done, file| {
    for row in rows {
        writeln!(file, "row {row}")?;
        done = row;
        let _ = ctx.save_due(done, 1000);
    }
});

#[test]
fn a_job_that_never_saves_fails() {
    assert_contains(
        &complaint::<NeverSaves>(),
        &["the job never saved", "if ctx.save_due(done, STEPS_PER_SAVE)"],
    );
    assert_contains(
        &complaint::<SavesAreDueButNotMade>(),
        &["the job never saved", "although saves were due"],
    );
}

job!(StateIsBehind, |ctx, rows, done, file| {
    for row in rows {
        writeln!(file, "row {row}")?;
        if ctx.save_due(row, 1000) {
            ctx.save(&done)?;
        }
        done = row;
    }
});

#[test]
fn a_state_behind_the_file_is_shown_from_both_sides() {
    let text = complaint::<StateIsBehind>();
    assert_contains(
        &text,
        &[
            "stopped:     told to stop at call 4 of 16 (save), after 0 saves; saves due at every step",
            "`out.csv` differs from byte 10 on (line 2); undisturbed it has 42 bytes, resumed 48.",
            r#"undisturbed: "row 1\nrow 2"#,
            r#"resumed:     "row 1\nrow 1\nrow 2"#,
            "bytes are too many",
        ],
    );
}

job!(StateIsAhead, |ctx, rows, done, file| {
    let mut held = Vec::new();
    for row in rows {
        writeln!(held, "row {row}")?;
        done = row;
        if held.len() >= 12 {
            file.write_all(&held)?;
            held.clear();
        }
        if ctx.save_due(done, 1000) {
            ctx.save(&done)?;
        }
    }
    file.write_all(&held)?;
});

#[test]
fn rows_that_a_buffer_of_the_jobs_own_loses_are_found() {
    assert_contains(
        &complaint::<StateIsAhead>(),
        &["`out.csv` differs from byte 4 on (line 1)", "6 bytes are missing", "held them back at the save"],
    );
}

job!(BuffersAcrossSaves, |ctx, rows, done, file| {
    let mut buffered = BufWriter::new(file.writer());
    for row in rows {
        writeln!(buffered, "row {row}")?;
        done = row;
        if ctx.save_due(done, 3) {
            buffered.flush()?;
            ctx.save(&done)?;
        }
    }
});

job!(BuffersBetweenSaves, |ctx, rows, done, file| {
    let mut lines = Some(LineWriter::new(file.writer()));
    for row in rows {
        write!(lines.get_or_insert_with(|| LineWriter::new(file.writer())), "row {row}, ")?;
        done = row;
        if ctx.save_due(done, 3) {
            lines = None;
            ctx.save(&done)?;
        }
    }
});

#[test]
fn a_writer_that_is_open_at_a_save_is_refused() {
    let error = TestHost::new().run::<BuffersAcrossSaves>(&json!({})).unwrap_err();
    let JobError::Failed(message) = error else { panic!("{error:?}") };
    assert_contains(&message, &["`out.csv` has an open writer at a save", "Finish or drop it before"]);
    assert_contains(
        &complaint::<BuffersAcrossSaves>(),
        &["must succeed when it is not disturbed", "open writer"],
    );

    let (host, _) = assert_resumes::<BuffersBetweenSaves>(TestHost::new, &json!({}));
    assert_eq!(host.artifact("out.csv"), b"row 1, row 2, row 3, row 4, row 5, row 6, row 7, ");
}

thread_local! {
    static LEAKED: RefCell<Vec<BufWriter<longshore_plugin::ArtifactWriter>>> = const { RefCell::new(Vec::new()) };
}

job!(LeaksAWriter, |_ctx, _rows, done, file| {
    let mut buffered = BufWriter::new(file.writer());
    write!(buffered, "kept back")?;
    LEAKED.with_borrow_mut(|leaked| leaked.push(buffered));
    done = 7;
});

#[test]
fn a_writer_that_outlives_the_job_is_refused() {
    let error = TestHost::new().run::<LeaksAWriter>(&json!({})).unwrap_err();
    assert_contains(&error.to_string(), &["`out.csv` has an open writer at the end of the job"]);
    LEAKED.with_borrow_mut(Vec::clear);
}

job!(WorksOnWhenToldToStop, |ctx, rows, done, file| {
    for row in rows {
        writeln!(file, "row {row}")?;
        done = row;
        let _ = ctx.progress(done, 7u64, "writing");
        if ctx.save_due(done, 1000) {
            let _ = ctx.save(&done);
        }
    }
});

#[test]
fn a_job_that_does_not_stop_is_found() {
    assert_contains(
        &complaint::<WorksOnWhenToldToStop>(),
        &["told to stop at call", "`JobError::Cancelled`"],
    );
}

job!(SendsByAttempt, |ctx, rows, done, _file| {
    for row in rows {
        let attempt = ctx.task().attempt;
        ctx.send(&Message {
            channel: "email".into(),
            key: format!("{row}-{attempt}"),
            recipient: "a@example.in".into(),
            subject: "Row".into(),
            content_type: "text/plain".into(),
            body: String::new(),
        })?;
        done = row;
        if ctx.save_due(done, 1000) {
            ctx.save(&done)?;
        }
    }
});

#[test]
fn messages_that_depend_on_the_attempt_are_found() {
    assert_contains(
        &complaint::<SendsByAttempt>(),
        &["Message 1 differs; undisturbed there are 7 in all, resumed 7", r#"key: "1-1""#, r#"key: "1-2""#],
    );
}

job!(BeginsAnew, |ctx, rows, done, file| {
    let _ = rows;
    let _: Artifact = file;
    for row in 1..=7 {
        done = row;
        if ctx.save_due(done, 1000) {
            ctx.save(&done)?;
        }
    }
});

#[test]
fn a_job_that_ignores_its_state_does_not_get_ahead() {
    assert_contains(&complaint::<BeginsAnew>(), &["the job does not get ahead", "Begin with `ctx.load()?`"]);
}

job!(SavesFirst, |ctx, rows, done, file| {
    ctx.save(&done)?;
    for row in rows {
        writeln!(file, "row {row}")?;
        done = row;
        ctx.save(&done)?;
    }
});

#[test]
fn saving_what_was_loaded_is_no_fault() {
    let (host, _) = assert_resumes::<SavesFirst>(TestHost::new, &json!({}));
    assert_eq!(host.saves(), 8);
}

#[test]
fn a_saved_state_can_be_given() {
    let host = TestHost::new().saved_state(b"5");
    assert_eq!(host.run::<Right>(&json!({})).unwrap(), json!({ "rows": 7 }));
    assert_eq!(host.artifact("out.csv"), b"row 6\nrow 7\n");

    let error = TestHost::new().saved_state(b"five").run::<Right>(&json!({})).unwrap_err();
    assert_contains(&error.to_string(), &["checkpoint cannot be read", "another version of the job"]);
}

job!(StartsAgain, |ctx, rows, done, file| {
    if !rows.contains(&1) {
        file.clear()?;
    }
    for row in 1..=7 {
        writeln!(file, "row {row}")?;
        done = row;
        if ctx.save_due(done, 3) {
            ctx.save(&done)?;
        }
    }
});

#[test]
fn a_file_that_was_cleared_is_back_unless_a_save_follows() {
    // load, artifact, write, save, write
    let host = TestHost::new().kill_at(5);
    host.run::<StartsAgain>(&json!({})).unwrap_err();
    assert_eq!(host.artifact("out.csv"), b"row 1\nrow 2\nrow 3\n");
    // load, artifact, clear, write
    let host = host.kill_at(4);
    host.run::<StartsAgain>(&json!({})).unwrap_err();
    assert_eq!(host.artifact("out.csv"), b"row 1\nrow 2\nrow 3\n");
    host.run::<StartsAgain>(&json!({})).unwrap();
    assert_eq!(host.artifact("out.csv"), b"row 1\nrow 2\nrow 3\nrow 4\nrow 5\nrow 6\nrow 7\n");
}

#[test]
fn fewer_stops_still_find_a_fault() {
    let host = || TestHost::new().stops_at_most(4);
    assert_resumes::<Right>(host, &json!({}));
    assert!(catch_unwind(|| assert_resumes::<StateIsBehind>(host, &json!({})).1).is_err());
}

#[test]
fn a_killed_attempt_leaves_what_it_saved() {
    // Each row makes three calls: progress, the write of what is buffered, the save.
    let host = TestHost::new().save_every(1).kill_at(9);
    let error = host.run::<Right>(&json!({})).unwrap_err();
    assert!(matches!(error, JobError::Retry { .. }), "{error:?}");
    assert_eq!(host.artifact("out.csv"), b"row 1\nrow 2\n");
    assert_eq!(host.run::<Right>(&json!({})).unwrap(), json!({ "rows": 7 }));
    assert!(host.artifact("out.csv").ends_with(b"row 2\nrow 3\nrow 4\nrow 5\nrow 6\nrow 7\n"));
}
