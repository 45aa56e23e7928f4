//! `longshore doctor`, on projects that were damaged by hand.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::Project;

const STRAY: &str = "7b0c2f5e-1a52-4d0e-9c53-6c1f4a0f3b11";

/// Exit code and report of a checkup.
fn doctor(project: &Project, more: &[&str]) -> (Option<i32>, Value) {
    let output = project.longshore(&[&["doctor", "--json"], more].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

/// The codes that were found, but for those that a busy machine brings: a disk that is nearly full, and a worker that
/// stays for two seconds because a command could not tell in time whether it is needed.
fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap());
    codes.filter(|code| !["disk_low", "worker_behind"].contains(code)).collect()
}

#[test]
fn a_project_that_works_is_well() {
    let project = Project::with_shop();
    project.json(&["run", "export", "--payload", r#"{"table": "branches"}"#, "--json"]);
    let (code, report) = doctor(&project, &["--deep"]);
    assert_eq!((code, codes(&report)), (Some(0), vec![]), "{report}");
}

#[test]
fn what_is_lost_or_wrong_is_told_and_what_is_left_over_is_fixed() {
    let project = Project::with_shop();
    let status = project.json(&["run", "export", "--payload", r#"{"table": "branches"}"#, "--json"]);
    let artifact = status["artifacts"][0]["path"].as_str().unwrap();
    let mut bytes = fs::read(artifact).unwrap();
    bytes[10] ^= 1;
    fs::write(artifact, bytes).unwrap();
    fs::create_dir_all(project.path(&format!("data/artifacts/{STRAY}"))).unwrap();
    fs::write(project.path(&format!("data/artifacts/{STRAY}/lost.csv")), "1\n").unwrap();
    fs::write(project.path("plugins/broken.wasm"), "no component").unwrap();
    fs::remove_file(project.path("shop.db")).unwrap();

    let (code, report) = doctor(&project, &["--deep"]);
    assert_eq!(code, Some(1));
    let mut found = codes(&report);
    found.sort_unstable();
    let expected = ["artifact_corrupt", "plugin_invalid_component", "source_unreadable", "stray_files"];
    assert_eq!(found, expected, "{report}");
    assert!(project.path(&format!("data/artifacts/{STRAY}")).exists(), "looking changes nothing");

    let (code, report) = doctor(&project, &["--fix"]);
    assert_eq!((code, &report["fixed"]["set_aside"]), (Some(1), &1.into()), "{report}");
    assert!(!project.path(&format!("data/artifacts/{STRAY}")).exists());
    assert!(!codes(&report).contains(&"stray_files"));
    let (_, again) = doctor(&project, &["--fix"]);
    assert_eq!(again["fixed"]["set_aside"], 0);

    let text = String::from_utf8(project.longshore(&["doctor"]).stdout).unwrap();
    assert!(text.contains("[sources.shop]") && text.contains("broken.wasm"), "{text}");
}

#[test]
fn data_that_others_may_read_is_told() {
    let project = Project::with_shop();
    let run = ["run", "export", "--payload", r#"{"table": "suppliers", "format": "csv"}"#];
    assert!(project.longshore(&run).status.success());
    let open = |path: &str| fs::set_permissions(project.path(path), Permissions::from_mode(0o755)).unwrap();
    open("");
    assert!(!codes(&doctor(&project, &[]).1).contains(&"data_exposed"), "the folder with the data is closed");
    open("data");
    let (code, report) = doctor(&project, &[]);
    assert_eq!((code, codes(&report)), (Some(0), vec!["data_exposed"]), "{report}");
}

#[test]
fn sources_are_opened_as_a_job_would_and_left_as_they_were() {
    let project = Project::with_shop();
    let owner = rusqlite::Connection::open(project.path("shop.db")).unwrap();
    owner
        .execute_batch(
            "PRAGMA journal_mode = wal; CREATE VIEW taxed AS SELECT tax(price_paise) FROM products",
        )
        .unwrap();
    drop(owner);
    let beside = || {
        let names = fs::read_dir(project.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("shop.db")).collect::<Vec<_>>()
    };
    assert_eq!(beside(), ["shop.db"]);
    let (code, report) = doctor(&project, &[]);
    let of_sources: Vec<_> = codes(&report).into_iter().filter(|code| code.starts_with("source_")).collect();
    assert_eq!((code, of_sources), (Some(0), vec!["source_table_unreadable"]), "{report}");
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("\"taxed\"") && message.contains("no such function: tax"), "{message}");
    assert!(project.longshore(&["run", "export", "--payload", r#"{"table": "products"}"#]).status.success());
    assert_eq!(beside(), ["shop.db"]);

    fs::write(project.path("shop.db"), "this is a text, and not a database\n".repeat(100)).unwrap();
    let (code, report) = doctor(&project, &[]);
    assert_eq!((code, codes(&report)), (Some(1), vec!["source_unreadable"]), "{report}");
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("not a SQLite database, or it is encrypted"), "{message}");
}
