//! Backups while jobs run, restores as the document walks through them, and databases that somebody copied by hand.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::faults::outcomes;
use crate::support::{Client, Era, Project, sha256, until};

fn project() -> Project {
    let project = Project::with_guests(&[], "[worker]\nlease_ms = 1000\nstay_behind = false\n");
    project.add_guest("counter", "[retry]\nmin_backoff_ms = 20\nmax_backoff_ms = 200\n");
    project
}

fn backup(project: &Project, name: &str, more: &[&str]) -> (PathBuf, Value) {
    let path = project.path(name);
    let made = project.json(&[&["backup", path.to_str().unwrap(), "--json"], more].concat());
    (path, made)
}

fn restore(project: &Project, backup: &Path) -> Value {
    project.json(&["restore", backup.to_str().unwrap(), "--json"])
}

/// The code of the error that a command ends with.
fn refused(project: &Project, arguments: &[&str]) -> String {
    let output = project.longshore(&[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    let error: Value = serde_json::from_str(error.lines().last().unwrap()).unwrap();
    error["error"]["code"].as_str().unwrap().to_owned()
}

fn jobs(project: &Project) -> Vec<String> {
    let listed = project.json(&["task", "list", "--json"]);
    let listed = listed["jobs"].as_array().unwrap_or_else(|| panic!("{listed}"));
    let mut ids: Vec<String> = listed.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn findings(project: &Project) -> Vec<String> {
    let output = project.longshore(&["doctor", "--deep", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes = report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned());
    codes.filter(|code| !["disk_low", "copies_kept", "worker_behind"].contains(&code.as_str())).collect()
}

fn integrity(database: &Path) -> String {
    let copy = Connection::open(database).unwrap();
    copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

fn one_step(client: &mut Client) -> String {
    let id = client.enqueue("counter", json!({"steps": 1}));
    assert_eq!(client.ended(&id)["status"], "completed");
    id
}

#[test]
fn a_restore_is_walked_as_the_document_says() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let first = one_step(&mut client);
    let (file, made) = backup(&project, "shop.db", &[]);
    assert_eq!((&made["tasks"], integrity(&file)), (&json!(1), "ok".into()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let second = one_step(&mut client);
    let path = file.to_str().unwrap();
    assert_eq!(refused(&project, &["restore", path]), "database_in_use");
    one_step(&mut client);
    client.close();

    let restored = restore(&project, &file);
    assert_eq!(jobs(&project), std::slice::from_ref(&first));
    let kept = PathBuf::from(restored["kept"].as_str().unwrap());
    assert!(findings(&project).iter().all(|code| code == "stray_files"), "{:?}", findings(&project));
    let fixed = project.json(&["doctor", "--fix", "--json"]);
    assert_eq!(fixed["fixed"]["set_aside"], 2, "{fixed}");
    let mut client = project.serve(Era::Modern);
    one_step(&mut client);
    client.close();
    // What was replaced is a backup, too, with its log.
    restore(&project, &kept);
    assert!(jobs(&project).contains(&second) && jobs(&project).len() == 3);
}

#[test]
fn a_copy_over_the_database_of_a_killed_process_is_recognised() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let first = one_step(&mut client);
    let (file, _) = backup(&project, "shop.db", &[]);
    one_step(&mut client);
    client.kill();
    let database = project.path("data/longshore.db");
    let (sound, log) =
        (fs::read(&database).unwrap(), fs::read(project.path("data/longshore.db-wal")).unwrap());
    assert!(log.len() > 4_096, "the log was left");
    fs::copy(&file, &database).unwrap();
    for arguments in [&["task", "list"][..], &["run", "counter", "--payload", r#"{"steps": 1}"#]] {
        assert_eq!(refused(&project, arguments), "database_replaced");
    }
    assert_eq!(
        refused(&project, &["backup", project.path("other.db").to_str().unwrap()]),
        "database_replaced"
    );
    assert_eq!(findings(&project), ["database_replaced", "plugins_not_checked"]);
    assert!(fs::read(&database).unwrap() == fs::read(&file).unwrap(), "nothing was played back");
    assert!(fs::read(project.path("data/longshore.db-wal")).unwrap() == log);
    // Either way out that the hint names.
    fs::write(&database, sound).unwrap();
    assert_eq!(jobs(&project).len(), 2);
    fs::copy(&file, &database).unwrap();
    restore(&project, &file);
    assert_eq!(jobs(&project), [first]);
    assert_eq!(integrity(&database), "ok");
}

#[test]
fn a_copy_over_the_database_of_a_live_process_is_recognised() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let first = one_step(&mut client);
    let (file, _) = backup(&project, "shop.db", &[]);
    one_step(&mut client);
    let database = project.path("data/longshore.db");
    // As `cp` does it: the file stays the same one.
    fs::write(&database, fs::read(&file).unwrap()).unwrap();
    let submission = json!({"job_type": "counter", "payload": {"steps": 1}});
    let error = client.tool_error("enqueue_job", submission);
    assert_eq!(error["code"], "database_replaced", "{error}");
    let error = client.tool_error("check_job_status", json!({"job_id": first}));
    assert_eq!(error["code"], "database_replaced", "{error}");
    assert!(client.close().0.success());
    assert!(fs::read(&database).unwrap() == fs::read(&file).unwrap(), "its log was not moved into it");
    assert_eq!(refused(&project, &["task", "list"]), "database_replaced");
    restore(&project, &file);
    assert_eq!((jobs(&project), integrity(&database)), (vec![first], "ok".into()));
}

#[test]
fn an_older_backup_of_a_running_job_resumes_it_and_it_ends_once() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let steps = json!({"steps": 8, "pile_bytes": 300_000, "rest_ms": 100});
    let undisturbed = client.enqueue("counter", steps.clone());
    let undisturbed = client.ended(&undisturbed);
    let files = |status: &Value| {
        let artifacts = status["artifacts"].as_array().unwrap().clone();
        artifacts.iter().map(|a| sha256(Path::new(a["path"].as_str().unwrap()))).collect::<Vec<_>>()
    };
    let id = client.enqueue("counter", steps);
    client.until(&id, |status| status["progress"]["done"].as_u64().is_some_and(|done| done >= 3));
    let (while_first, _) = backup(&project, "first.db", &[]);
    client.kill();
    // It goes on in another attempt, which drops the files of the first.
    let mut client = project.serve(Era::Modern);
    client.until(&id, |status| status["progress"]["done"].as_u64().is_some_and(|done| done >= 6));
    client.kill();
    restore(&project, &while_first);
    assert!(findings(&project).iter().all(|code| code != "saved_file_missing"), "{:?}", findings(&project));
    let mut client = project.serve(Era::Modern);
    let ended = client.ended(&id);
    assert_eq!((&ended["result"], files(&ended)), (&undisturbed["result"], files(&undisturbed)));
    client.close();
    // And once more, when it has ended and its files are published.
    restore(&project, &while_first);
    assert!(findings(&project).contains(&"published_too_early".into()), "{:?}", findings(&project));
    let mut client = project.serve(Era::Modern);
    let ended = client.ended(&id);
    assert_eq!((&ended["result"], files(&ended)), (&undisturbed["result"], files(&undisturbed)));
    assert_eq!(outcomes(&project, &id), ["worker_lost", "completed"]);
    client.close();
    assert!(findings(&project).iter().all(|code| code == "set_aside"), "{:?}", findings(&project));
}

#[test]
fn a_backup_with_files_restores_into_an_empty_project() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let done = client.enqueue("counter", json!({"steps": 3, "pile_bytes": 100_000}));
    client.ended(&done);
    let running = client.enqueue("counter", json!({"steps": 8, "pile_bytes": 100_000, "rest_ms": 200}));
    client.until(&running, |status| status["progress"]["done"].as_u64().is_some_and(|done| done >= 2));
    let (folder, made) = backup(&project, "shop", &["--files"]);
    assert!(made["files"].as_u64().unwrap() >= 2 && made["missing"] == json!([]), "{made}");
    client.kill();
    fs::remove_dir_all(project.path("data")).unwrap();
    let restored = restore(&project, &folder);
    assert_eq!((&restored["kept"], &restored["files"]), (&Value::Null, &made["files"]), "{restored}");
    let mut client = project.serve(Era::Modern);
    for id in [&done, &running] {
        assert_eq!(client.ended(id)["status"], "completed");
    }
    client.close();
    assert_eq!(findings(&project), [""; 0]);
}

#[test]
fn what_is_no_backup_is_refused_and_changes_nothing() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    one_step(&mut client);
    client.close();
    let (good, _) = backup(&project, "good.db", &[]);
    let bytes = fs::read(&good).unwrap();
    let bad = project.path("bad.db");
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(project.path("data")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = (names(), fs::read(project.path("data/longshore.db")).unwrap());
    let refuse = |what: &str, content: &[u8]| {
        fs::write(&bad, content).unwrap();
        assert_eq!(refused(&project, &["restore", bad.to_str().unwrap()]), "backup_invalid", "{what}");
        assert_eq!(names(), before.0, "{what}");
        assert!(fs::read(project.path("data/longshore.db")).unwrap() == before.1, "{what}");
    };
    refuse("a text", b"not a database, and long enough to be looked at");
    refuse("nothing", b"");
    refuse("the first page", &bytes[..4_096]);
    refuse("a half", &bytes[..bytes.len() / 2]);
    let mut damaged = bytes.clone();
    damaged[8_192..].fill(0xa5);
    refuse("damaged pages", &damaged);
    fs::write(&bad, &bytes).unwrap();
    let change = |sql: &str| Connection::open(&bad).unwrap().execute_batch(sql).unwrap();
    change("UPDATE upgrades SET version = '9.8.7'; PRAGMA user_version = 99");
    let newer = fs::read(&bad).unwrap();
    refuse("of a newer version", &newer);
    let said = project.longshore(&["restore", bad.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("9.8.7") && said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    fs::remove_file(&bad).unwrap();
    change("CREATE TABLE orders (id INTEGER)");
    let foreign = fs::read(&bad).unwrap();
    refuse("of another program", &foreign);
    let folder = project.path("folder");
    fs::create_dir(&folder).unwrap();
    for target in ["folder", "data/longshore.db", "data/longshore.db-wal", "data/artifacts/x.db", "good.db/"]
    {
        let path = project.path(target);
        let code = refused(&project, &["backup", path.to_str().unwrap(), "--force"]);
        assert!(["backup_target_invalid", "storage_failed"].contains(&code.as_str()), "{target}: {code}");
    }
    assert_eq!(refused(&project, &["backup", good.to_str().unwrap()]), "backup_exists");
    assert!(fs::read(&good).unwrap() == bytes);
    assert_eq!(names(), before.0);
}

#[test]
fn a_restore_follows_a_link_whose_file_is_gone() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let id = one_step(&mut client);
    client.close();
    let (file, _) = backup(&project, "shop.db", &[]);
    let elsewhere = project.path("disk");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_file(project.path("data/longshore.db")).unwrap();
    for end in ["-wal", "-shm", ".generation"] {
        let _ = fs::remove_file(project.path(&format!("data/longshore.db{end}")));
    }
    symlink(elsewhere.join("tasks.db"), project.path("data/longshore.db")).unwrap();
    restore(&project, &file);
    assert!(elsewhere.join("tasks.db").is_file() && project.path("data/longshore.db").is_symlink());
    assert_eq!(jobs(&project), [id]);
}

/// Kills a command at each of its changes of the disk, one after the other, until it comes to its end.
fn killed_at_each_change(project: &Project, arguments: &[&str], mut then: impl FnMut(&str)) -> u32 {
    let shim = std::env::current_exe().unwrap().with_file_name("liblongshore_crash_shim.so");
    let mut kills = 0;
    for kind in
        ["create", "write", "pwrite", "truncate", "fsync", "fdatasync", "rename", "unlink", "mkdir", "rmdir"]
    {
        for nth in 1_u64.. {
            // The first calls in full, then ever fewer of them: a copy of many pages is many alike.
            let nth = if nth <= 12 { nth } else { 12 + (nth - 12).pow(3) };
            let point = format!("{kind}:before:{nth}");
            let output = project
                .command(arguments)
                .env("LD_PRELOAD", &shim)
                .env("LONGSHORE_CRASH_UNDER", fs::canonicalize(project.path(".")).unwrap())
                .env("LONGSHORE_CRASH_AT", &point)
                .output()
                .unwrap();
            then(&point);
            if output.status.code().is_some() {
                break;
            }
            kills += 1;
        }
    }
    kills
}

#[test]
fn a_restore_that_is_killed_is_done_or_never_was() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    one_step(&mut client);
    let (file, _) = backup(&project, "shop.db", &[]);
    one_step(&mut client);
    client.kill();
    let log = fs::read(project.path("data/longshore.db-wal")).unwrap();
    let sound = fs::read(project.path("data/longshore.db")).unwrap();
    let noted = fs::read(project.path("data/longshore.db.generation")).unwrap();
    let put_back = || {
        fs::write(project.path("data/longshore.db"), &sound).unwrap();
        fs::write(project.path("data/longshore.db-wal"), &log).unwrap();
        fs::write(project.path("data/longshore.db.generation"), &noted).unwrap();
        let _ = fs::remove_file(project.path("data/longshore.db-shm"));
    };
    let old = jobs(&project);
    put_back();
    let mut seen = (0, 0);
    let kills = killed_at_each_change(&project, &["restore", file.to_str().unwrap()], |point| {
        let now = jobs(&project);
        if now == old {
            seen.0 += 1;
        } else {
            assert_eq!(now.len(), 1, "{point}");
            seen.1 += 1;
        }
        assert_eq!(integrity(&project.path("data/longshore.db")), "ok", "{point}");
        let kept = |name: &str| name.contains(".replaced-");
        for entry in fs::read_dir(project.path("data")).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            assert!(!name.ends_with(".restoring") && (now != old || !kept(&name)), "{point}: {name} stays");
            if kept(&name) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        put_back();
    });
    assert!(kills > 15 && seen.0 > 5 && seen.1 > 3, "{kills} {seen:?}");
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_under_its_name() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    one_step(&mut client);
    client.close();
    let folder = project.path("backups");
    fs::create_dir(&folder).unwrap();
    let target = folder.join("shop");
    let kills = killed_at_each_change(&project, &["backup", target.to_str().unwrap(), "--files"], |point| {
        if target.exists() {
            assert_eq!(integrity(&target.join("longshore.db")), "ok", "{point}");
            fs::remove_dir_all(&target).unwrap();
        }
    });
    assert!(kills > 5, "{kills}");
    backup(&project, "backups/shop", &["--files"]);
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["shop"], "the next backup clears what killed ones left");
    assert_eq!(jobs(&project).len(), 1);
}

#[test]
fn backups_end_while_jobs_come_all_the_time() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let mut last = 0;
    for number in 0..6 {
        let path = project.path(&format!("{number}.db"));
        let mut command = project.command(&["backup", path.to_str().unwrap(), "--json"]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            one_step(&mut client);
        }
        let output = child.wait_with_output().unwrap();
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let tasks = made["tasks"].as_u64().unwrap();
        assert!(tasks > last && integrity(&path) == "ok", "{made}");
        last = tasks;
    }
    until("the jobs", || jobs(&project).len() as u64 >= last);
}

#[test]
fn two_restores_at_once_are_one() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let id = one_step(&mut client);
    client.close();
    let (file, _) = backup(&project, "shop.db", &[]);
    let start = || project.command(&["restore", file.to_str().unwrap()]).spawn().unwrap();
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap().status.code());
    assert!(both.contains(&Some(0)), "{both:?}");
    assert_eq!((jobs(&project), integrity(&project.path("data/longshore.db"))), (vec![id], "ok".into()));
}
