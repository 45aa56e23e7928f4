//! Components are examined in a process of its own, and what is found out is kept.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use longshore_domain::JobCatalog as _;
use serde_json::json;

use crate::registry::Folder;
use crate::support::{completed, request};

/// A program that stands for the host's: it runs `child_that_compiles` in this test's own binary.
fn compiler(folder: &Path) -> PathBuf {
    let program = folder.join("compiler");
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = compile-component ] || exit 9\nIN=\"$2\" OUT=\"$3\" exec {} --exact --ignored \
         compiler::child_that_compiles >&2\n",
        test.display()
    );
    executable(&program, &script);
    program
}

fn executable(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Not a test: what `compiler` runs.
#[test]
#[ignore = "it is run by a test as its child process"]
fn child_that_compiles() {
    let (Some(input), Some(output)) = (std::env::var_os("IN"), std::env::var_os("OUT")) else { return };
    longshore_sandbox::compile_child(Path::new(&input), Path::new(&output)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_compiled_in_a_child_process() {
    let folder = Folder::with(&["trivial"], |folder, options| {
        options.cache_dir = Some(folder.join("code"));
        options.compiler = Some(compiler(folder));
    })
    .await;
    let catalog = folder.registry.current();
    let job = catalog.job("trivial").unwrap_or_else(|| panic!("{:?}", catalog.problems));
    let report = job.program.run(request(job, &json!({}), 1, None, &Arc::default())).await;
    assert_eq!(completed(&report), "{}");
    let names = |within: &str| {
        let entries = fs::read_dir(folder.bed.folder.path().join(within)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let left = names("code");
    assert_eq!(left.iter().filter(|name| name.contains(".code")).count(), 1, "{left:?}");
    assert!(left.len() == 2 && left.contains(&"making".to_owned()), "only the entry is left: {left:?}");
    let left = names("code/making");
    assert!(
        left.iter().all(|name| name.starts_with("place-")),
        "no component, code or lock is left: {left:?}"
    );
}

#[test]
fn a_compiler_ends_with_its_host() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("in.wasm");
    // Nobody ever writes to it, so that the compiler waits for its component for ever.
    assert!(Command::new("mkfifo").arg(&component).status().unwrap().success());
    let mut compiling = Command::new(compiler(folder.path()))
        .args([Path::new("compile-component"), &component, &folder.path().join("out.cwasm")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // As the system does when the host is killed.
    drop(compiling.stdin.take());
    assert_eq!(compiling.wait().unwrap().code(), Some(1));
}

#[test]
fn a_compiler_ends_with_the_file_it_was_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let (component, source) = (folder.path().join("in.wasm"), folder.path().join("source.wasm"));
    assert!(Command::new("mkfifo").arg(&component).status().unwrap().success());
    fs::write(&source, "x").unwrap();
    let mut compiling = Command::new(compiler(folder.path()))
        .args([Path::new("compile-component"), &component, &folder.path().join("out.cwasm")])
        .env("LONGSHORE_COMPILER_SOURCE", &source)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Whoever asked is gone, so that nobody else ends it.
    fs::remove_file(&source).unwrap();
    assert!(!compiling.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_cache_compiles_in_a_child_process_all_the_same() {
    let folder = Folder::with(&["trivial"], |folder, options| {
        let shared = folder.join("code");
        fs::create_dir(&shared).unwrap();
        // Anybody could put code of theirs into it, so it is not used.
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        options.cache_dir = Some(shared);
        options.compiler = Some(noting_compiler(folder));
    })
    .await;
    assert!(folder.registry.current().job("trivial").is_some(), "{:?}", folder.registry.current().problems);
    assert_eq!(fs::read_to_string(folder.bed.folder.path().join("noted")).unwrap(), "\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_fails_is_told_of() {
    let folder = Folder::with(&["trivial"], |folder, options| {
        options.cache_dir = Some(folder.join("code"));
        let program = folder.join("compiler");
        executable(&program, "#!/bin/sh\necho 'no room at all' >&2\nexit 3\n");
        options.compiler = Some(program);
    })
    .await;
    let catalog = folder.registry.current();
    let problem = &catalog.problems["trivial"];
    assert_eq!(problem.code, "compile_failed");
    assert!(problem.message.contains("no room at all") && problem.message.contains('3'), "{problem:?}");
}

/// A compiler that leaves a line in the file `noted` of `folder` for each component.
fn noting_compiler(folder: &Path) -> PathBuf {
    let (program, real) = (folder.join("noting"), compiler(folder));
    let script = format!("#!/bin/sh\necho >>{0}/noted\nexec {1} \"$@\"\n", folder.display(), real.display());
    executable(&program, &script);
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_of_a_broken_component_costs_nothing_again() {
    let lasting = tempfile::tempdir().unwrap();
    let load = async || {
        let lasting = lasting.path().to_owned();
        let mut folder = Folder::with(&[], move |_, options| {
            options.cache_dir = Some(lasting.join("code"));
            options.compiler = Some(noting_compiler(&lasting));
        })
        .await;
        // A custom section that says to be longer than the file is.
        folder.put("cut.wasm", b"\0asm\x0d\0\x01\0\0\x7f");
        folder.put("core.wasm", b"\0asm\x01\0\0\0");
        folder.put("silent.wasm", b"\0asm\x0d\0\x01\0");
        folder.problem("core", "invalid_component").await;
        let silent = folder.problem("silent", "wrong_world").await;
        let cut = folder.problem("cut", "invalid_component").await;
        (silent.message, cut.message)
    };
    let found = load().await;
    let noted = || fs::read_to_string(lasting.path().join("noted")).unwrap().lines().count();
    assert_eq!(noted(), 2, "the first bytes of a core module are enough");
    assert_eq!(load().await, found);
    assert_eq!(noted(), 2, "the second time all of them were known");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_looks_at_no_more_than_the_first_bytes() {
    let mut folder = Folder::with(&[], |folder, options| {
        options.cache_dir = Some(folder.join("code"));
        let program = folder.join("compiler");
        executable(&program, "#!/bin/sh\necho 'the compiler was asked' >&2\nexit 3\n");
        options.compiler = Some(program);
    })
    .await;
    folder.put("cut.wasm", b"\0asm\x0d\0\x01\0\0\x7f");
    let problem = folder.problem("cut", "compile_failed").await;
    assert!(problem.message.contains("the compiler was asked"), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_or_too_much_is_refused_for_good() {
    for (ends, why) in [
        ("kill -XCPU $$", "seconds of processor time"),
        ("echo 'memory allocation of 64 bytes failed' >&2; kill -ABRT $$", "MiB of memory"),
        ("kill -SEGV $$", "the compiler fails on it"),
    ] {
        let lasting = tempfile::tempdir().unwrap();
        for load in 0..2 {
            let lasting = lasting.path().to_owned();
            let mut folder = Folder::with(&[], move |_, options| {
                options.cache_dir = Some(lasting.join("code"));
                let program = lasting.join("compiler");
                // The second time it would say something else.
                let script = format!("#!/bin/sh\n[ {load} = 0 ] || exit 3\n{ends}\n");
                executable(&program, &script);
                options.compiler = Some(program);
            })
            .await;
            folder.put("greedy.wasm", b"\0asm\x0d\0\x01\0");
            let problem = folder.problem("greedy", "compile_failed").await;
            assert!(problem.message.contains(why), "{problem:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compiled_code_is_cached_and_a_damaged_entry_is_made_again() {
    let cache = tempfile::tempdir().unwrap();
    let path = cache.path().join("code");
    let load = async || {
        let path = path.clone();
        let folder = Folder::with(&["trivial"], move |_, options| options.cache_dir = Some(path)).await;
        let catalog = folder.registry.current();
        let job = catalog.job("trivial").unwrap();
        completed(&job.program.run(request(job, &json!({}), 1, None, &Arc::default())).await)
    };
    assert_eq!(load().await, "{}");
    let entries = || {
        let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    let [entry] = entries().try_into().unwrap();
    let whole = fs::read(&entry).unwrap();
    assert_eq!(load().await, "{}");
    assert_eq!(fs::read(&entry).unwrap(), whole);

    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for bad in [damaged, whole[..whole.len() - 1].to_vec(), Vec::new()] {
        fs::write(&entry, bad).unwrap();
        assert_eq!(load().await, "{}");
        assert_eq!(entries().len(), 1);
        assert!(fs::read(&entry).unwrap().len() == whole.len(), "it was made again");
    }

    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(&entry, b"from somebody else").unwrap();
    assert_eq!(load().await, "{}");
    assert_eq!(
        fs::read(&entry).unwrap(),
        b"from somebody else",
        "a folder that others can write to is left alone"
    );
}
