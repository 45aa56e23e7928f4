//! The plugin folder, with real components.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
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

/// Both were refused for "too many imports, functions", of which they have none.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_for_what_it_is() {
    let mut folder = Folder::new(&[]).await;
    let fresh = include_str!("../corpus/components/fresh.wat");
    for (name, part, larger, said) in [
        (
            "memory",
            "(memory (export \"memory\") 64)",
            "(memory (export \"memory\") 64) (memory i64 0x100000)",
            "68719476736 bytes",
        ),
        ("table", "(table $table 10000 funcref)", "(table $table 9000000 funcref)", "9000000 elements"),
    ] {
        assert!(fresh.contains(part));
        folder.put(&format!("{name}.wasm"), &wat::parse_str(fresh.replace(part, larger)).unwrap());
        let problem = folder.problem(name, "compile_failed").await;
        assert!(problem.message.contains(said), "{problem:?}");
    }
}

/// It was `ready` and had no tool.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_named_like_a_tool_of_the_host_is_refused() {
    let mut folder = Folder::new(&["trivial"]).await;
    folder.put("list_jobs.wasm", &fs::read(guest("trivial")).unwrap());
    let problem = folder.problem("list_jobs", "reserved_name").await;
    assert!(problem.message.contains("another name"), "{problem:?}");
}

/// It was not listed at all.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_name_is_not_text_is_listed() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut folder = Folder::new(&["trivial"]).await;
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.wasm");
    fs::copy(guest("trivial"), folder.bed.folder.path().join("plugins").join(name)).unwrap();
    let problem = folder.problem("caf\u{fffd}", "wrong_name").await;
    assert!(problem.message.contains("a-z"), "{problem:?}");
}
