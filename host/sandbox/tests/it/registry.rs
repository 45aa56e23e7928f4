//! The plugin folder, with real components.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::{Catalog, JobCatalog as _, Policy, Problem};
use longshore_sandbox::{PluginRegistry, RegistryOptions, SandboxOptions, Trust};
use serde_json::json;
use tokio::sync::watch;

use crate::support::{Bed, completed, guest, request};

pub(crate) struct Folder {
    pub(crate) bed: Bed,
    pub(crate) registry: Arc<PluginRegistry>,
    changes: watch::Receiver<u64>,
}

impl Folder {
    pub(crate) async fn new(guests: &[&str]) -> Self {
        Self::with(guests, |_, _| {}).await
    }

    pub(crate) async fn with(guests: &[&str], change: impl FnOnce(&Path, &mut SandboxOptions)) -> Self {
        let bed = Bed::with(change);
        let dir = plugins(&bed);
        fs::create_dir(&dir).unwrap();
        for name in guests {
            fs::copy(guest(name), dir.join(format!("{name}.wasm"))).unwrap();
        }
        let options =
            RegistryOptions { dir, defaults: Policy::default(), trust: None, patience: Duration::MAX };
        let registry = PluginRegistry::start(&bed.sandbox, options).await;
        let changes = registry.changes();
        Self { bed, registry, changes }
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let dir = plugins(&self.bed);
        fs::write(dir.join("new"), bytes).unwrap();
        fs::rename(dir.join("new"), dir.join(name)).unwrap();
    }

    /// The first catalog that is as wanted.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Catalog) -> bool) -> Arc<Catalog> {
        loop {
            let catalog = self.registry.current();
            if wanted(&catalog) {
                return catalog;
            }
            tokio::time::timeout(Duration::from_secs(60), self.changes.changed())
                .await
                .unwrap_or_else(|_| panic!("{what} did not happen: {catalog:?}"))
                .unwrap();
        }
    }

    pub(crate) async fn problem(&mut self, stem: &str, code: &str) -> Problem {
        let catalog = self.until(code, |c| c.problems.get(stem).is_some_and(|p| p.code == code)).await;
        catalog.problems[stem].clone()
    }
}

pub(crate) fn plugins(bed: &Bed) -> PathBuf {
    bed.folder.path().join("plugins")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_loaded_at_the_start_in_one_revision() {
    let folder = Folder::new(&["trivial", "steps", "bad_schema", "wrong_name", "bad_describe"]).await;
    let catalog = folder.registry.current();
    assert_eq!(catalog.revision, 1);
    assert_eq!(
        catalog.jobs.keys().map(longshore_domain::JobTypeName::as_str).collect::<Vec<_>>(),
        ["steps", "trivial"]
    );
    assert_eq!(catalog.problems["bad_schema"].code, "invalid_schema");
    assert_eq!(catalog.problems["wrong_name"].code, "wrong_name");
    assert!(catalog.problems["wrong_name"].message.contains("another_name.wasm"));
    let problem = &catalog.problems["bad_describe"];
    assert_eq!(problem.code, "describe_failed");
    assert!(problem.message.contains("must not call any import"), "{problem:?}");
    let job = catalog.job("steps").unwrap();
    assert_eq!((job.job_type.version.as_str(), job.job_type.title.as_str()), ("1.0.0", "Steps"));
    assert_eq!(job.component.as_str().len(), 64);
    let violations = job.program.check_input(&json!({"steps": "many", "x": 1})).await;
    assert_eq!(violations.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), ["/steps", "/x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_come_and_go() {
    let mut folder = Folder::new(&[]).await;
    assert!(folder.registry.current().jobs.is_empty());
    folder.put("trivial.wasm", &fs::read(guest("trivial")).unwrap());
    let catalog = folder.until("the loading", |c| c.job("trivial").is_some()).await;
    let job = catalog.job("trivial").unwrap();
    let report = job.program.run(request(job, &json!({}), 1, None, &Arc::default())).await;
    assert_eq!(completed(&report), "{}");
    fs::remove_file(plugins(&folder.bed).join("trivial.wasm")).unwrap();
    let catalog = folder.until("the withdrawal", |c| c.job("trivial").is_none()).await;
    assert!(catalog.problems.is_empty());
    // A job that was claimed before still runs.
    let report = job.program.run(request(job, &json!({}), 1, None, &Arc::default())).await;
    assert_eq!(completed(&report), "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_never_displaces_a_good_version() {
    let mut folder = Folder::new(&["trivial"]).await;
    let good = fs::read(guest("trivial")).unwrap();
    let first = Arc::clone(folder.registry.current().job("trivial").unwrap());
    let mut too_large = good.clone();
    too_large.resize((64 << 20) + 1, 0);
    for (code, bytes) in [
        ("invalid_component", b"garbage".to_vec()),
        ("invalid_component", Vec::new()),
        ("invalid_component", good[..good.len() / 2].to_vec()),
        ("invalid_component", b"\0asm\x01\0\0\0".to_vec()),
        ("wrong_world", b"\0asm\x0d\0\x01\0".to_vec()),
        ("wrong_name", fs::read(guest("wrong_name")).unwrap()),
        ("wrong_world", patched("wants_more", b"wasi:keyvalue/", b"evil:keyvalue/")),
        ("invalid_schema", patched("trivial", br#"{"type": "object"}"#, br#"{"type": "objekt"}"#)),
        ("too_large", too_large),
    ] {
        folder.put("trivial.wasm", &bytes);
        let problem = folder.problem("trivial", code).await;
        assert_eq!((problem.file.as_str(), problem.serving.as_deref()), ("trivial.wasm", Some("1.0.0")));
        let catalog = folder.registry.current();
        assert_eq!(catalog.job("trivial").unwrap().component, first.component, "{code}");
        folder.put("trivial.wasm", &good);
        folder.until("the recovery", |c| c.problems.is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_read_is_not_taken_for_none() {
    let mut folder = Folder::new(&["trivial"]).await;
    let (dir, elsewhere) = (plugins(&folder.bed), folder.bed.folder.path().join("elsewhere.toml"));
    fs::write(&elsewhere, "enabled = false").unwrap();
    symlink(&elsewhere, dir.join("trivial.toml")).unwrap();
    folder.until("turning it off", |c| c.job("trivial").is_none()).await;
    fs::rename(&elsewhere, elsewhere.with_extension("away")).unwrap();
    let problem = folder.problem("trivial", "invalid_policy").await;
    assert!(problem.message.contains("trivial.toml cannot be read"), "{}", problem.message);
    assert!(folder.registry.current().job("trivial").is_none(), "it stays turned off");
    fs::remove_file(dir.join("trivial.toml")).unwrap();
    fs::create_dir(dir.join("trivial.toml")).unwrap();
    folder
        .until("a directory", |c| c.problems.get("trivial").is_some_and(|p| p.message.contains("no file")))
        .await;
    fs::remove_dir(dir.join("trivial.toml")).unwrap();
    folder.until("having no policy", |c| c.job("trivial").is_some()).await;
    symlink("nowhere", dir.join("other.wasm")).unwrap();
    folder.problem("other", "unreadable").await;
}

/// A guest in which some bytes are replaced by as many others.
fn patched(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(guest(name)).unwrap();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_counts_at_once_and_does_not_load_the_component_again() {
    let mut folder = Folder::new(&["trivial"]).await;
    let before = Arc::clone(folder.registry.current().job("trivial").unwrap());
    folder.put("trivial.toml", b"[limits]\nfuel = 77000\n");
    let fuel = |c: &Catalog| c.job("trivial").map(|job| job.policy.limits.fuel);
    let catalog = folder.until("the policy", |c| fuel(c) == Some(77_000)).await;
    let after = catalog.job("trivial").unwrap();
    assert!(Arc::ptr_eq(&before.program, &after.program));

    folder.put("trivial.toml", b"[limits]\nfule = 1\n");
    let problem = folder.problem("trivial", "invalid_policy").await;
    assert!(problem.file == "trivial.toml" && problem.message.contains("line 2"), "{problem:?}");
    assert_eq!(fuel(&folder.registry.current()), Some(77_000), "the policy before still counts");

    folder.put("trivial.toml", b"[grants]\ndata = [\"shopp\"]\n");
    let slip =
        folder.until("the slip", |c| c.problems.get("trivial").is_some_and(|p| p.message.contains("shopp")));
    let problem = slip.await.problems["trivial"].clone();
    assert!(problem.message.contains("longshore.toml has no [sources.shopp]"), "{problem:?}");

    folder.put("trivial.toml", b"enabled = false\n");
    let problem = folder.problem("trivial", "disabled").await;
    assert_eq!(problem.serving, None);
    assert!(folder.registry.current().jobs.is_empty());

    fs::remove_file(plugins(&folder.bed).join("trivial.toml")).unwrap();
    let catalog = folder.until("the defaults", |c| c.job("trivial").is_some()).await;
    assert_eq!(catalog.job("trivial").unwrap().policy, Policy::default());
    assert!(catalog.problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_components_that_the_operator_accepts_are_loaded() {
    let bed = Bed::new();
    let dir = plugins(&bed);
    fs::create_dir(&dir).unwrap();
    for name in ["trivial", "steps", "probe"] {
        fs::copy(guest(name), dir.join(format!("{name}.wasm"))).unwrap();
    }
    let component = fs::read(guest("steps")).unwrap();
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let sign = |bytes: &[u8]| minisign::sign(None, &pair.sk, bytes, None, None).unwrap().into_string();
    let digest = crate::support::sha256(&fs::read(guest("trivial")).unwrap());
    let accepted = [format!("sha256:{digest}"), format!("minisign:{}", pair.pk.to_base64())];
    let options = RegistryOptions {
        dir: dir.clone(),
        defaults: Policy::default(),
        trust: Some(Trust::parse(accepted.iter().map(String::as_str)).unwrap()),
        patience: Duration::MAX,
    };
    let registry = PluginRegistry::start(&bed.sandbox, options).await;
    let changes = registry.changes();
    let mut folder = Folder { bed, registry, changes };

    let catalog = folder.registry.current();
    assert!(catalog.job("trivial").is_some() && catalog.job("steps").is_none());
    let problem = folder.problem("steps", "untrusted").await;
    let line = format!("\"sha256:{}\"", crate::support::sha256(&component));
    assert!(problem.message.contains("it is not signed") && problem.message.contains(&line), "{problem:?}");

    folder.put("steps.wasm.minisig", sign(b"something else").as_bytes());
    let wrong = |c: &Catalog| c.problems["steps"].message.contains("of other bytes");
    folder.until("the wrong signature", wrong).await;
    folder.put("steps.wasm.minisig", sign(&component).as_bytes());
    let catalog = folder.until("the right signature", |c| c.job("steps").is_some()).await;
    assert_eq!(catalog.problems.keys().collect::<Vec<_>>(), ["probe"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_folder_is_served_once_it_is_there() {
    let bed = Bed::new();
    let dir = bed.folder.path().join("later");
    let options = RegistryOptions {
        dir: dir.clone(),
        defaults: Policy::default(),
        trust: None,
        patience: Duration::MAX,
    };
    let registry = PluginRegistry::start(&bed.sandbox, options).await;
    let mut changes = registry.changes();
    assert!(registry.current().jobs.is_empty());
    fs::create_dir(&dir).unwrap();
    fs::copy(guest("trivial"), dir.join("trivial.wasm")).unwrap();
    while registry.current().job("trivial").is_none() {
        tokio::time::timeout(Duration::from_secs(60), changes.changed()).await.unwrap().unwrap();
    }
}

/// A program that stands for the host's: it runs `child_that_compiles` in this test's own binary.
fn compiler(folder: &Path) -> PathBuf {
    let program = folder.join("compiler");
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = compile-component ] || exit 9\nIN=\"$2\" OUT=\"$3\" exec {} --exact --ignored \
         registry::child_that_compiles >&2\n",
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
async fn a_component_that_waits_while_it_is_instantiated_keeps_nobody_waiting() {
    let mut folder = Folder::new(&["trivial"]).await;
    let component = wat::parse_str(include_str!("../corpus/components/waits_at_start.wat")).unwrap();
    // As many as are loaded at once, so that they would shut out all others.
    for number in 0..4 {
        folder.put(&format!("waits{number}.wasm"), &component);
    }
    let problem = folder.problem("waits3", "describe_failed").await;
    assert!(problem.message.contains("longer than 5 seconds"), "{problem:?}");
    folder.put("steps.wasm", &fs::read(guest("steps")).unwrap());
    folder.until("another plugin", |c| c.job("steps").is_some()).await;
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
