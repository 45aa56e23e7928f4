//! A host: a store in a folder of its own, the loops, and a catalog that the test changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use longshore::mcp::McpOptions;
use longshore_delivery::{SecretSource, WebhookBody, WebhookOptions, WebhookSink, WebhookTarget};
use longshore_domain::{
    ArtifactFiles, Catalog, Clock, ComponentSha, JobCatalog, JobType, LeasesOnly, LoadedJob, Permission,
    Policy, Problem, TimeZones, Timestamp, WorkerId,
};
use longshore_scheduler::{
    CallbackChannel, Channels, DispatcherOptions, Hub, Running, ServiceParts, Supervisor, SupervisorOptions,
    TaskService,
};
use longshore_store::{LocalFiles, SqliteStore, StoreOptions, Synchronous};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use super::client::{Client, Era};
use super::program::Scripted;

/// A host to connect to. It ends with the test's runtime.
pub struct World {
    pub service: Arc<TaskService>,
    catalog: Arc<TestCatalog>,
    gate: watch::Sender<u64>,
    options: McpOptions,
    _loops: Option<Supervisor>,
    _folder: TempDir,
}

impl World {
    /// A host that runs jobs.
    pub fn new() -> Self {
        Self::build(true, None)
    }

    /// A host that only takes jobs, so that they stay queued.
    pub fn idle() -> Self {
        Self::build(false, None)
    }

    /// A host that only takes jobs, and tells of their ends below `prefix`.
    pub fn with_callbacks_below(prefix: &str) -> Self {
        let sink = WebhookSink::new(WebhookOptions {
            target: WebhookTarget::Allowed(vec![prefix.into()]),
            secret: SecretSource::Env("UNSET".into()),
            body: WebhookBody::Message,
            allow_private: false,
            ca_file: None,
            permanent_statuses: BTreeSet::new(),
        });
        Self::build(false, Some(CallbackChannel { name: "callbacks".into(), sink: Arc::new(sink.unwrap()) }))
    }

    fn build(runs: bool, callbacks: Option<CallbackChannel>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { synchronous: Synchronous::Off, ..StoreOptions::default() };
        let store = SqliteStore::open(folder.path().join("tasks.db"), options).unwrap();
        let files: Arc<dyn ArtifactFiles> = Arc::new(LocalFiles::new(folder.path().join("artifacts")));
        let (gate, gate_seen) = watch::channel(0);
        let catalog = TestCatalog::new(Scripted { files: Arc::clone(&files), gate: gate_seen });
        let parts = ServiceParts {
            store,
            files,
            liveness: Arc::new(LeasesOnly),
            catalog: catalog.clone(),
            catalog_changes: catalog.changes.subscribe(),
            clock: Arc::new(WallClock),
            hub: Hub::new(),
            running: Running::new(),
            payload_bytes_max: 1 << 20,
            callbacks,
            zones: TimeZones::bundled(),
        };
        let service = TaskService::new(parts.clone());
        let loops = runs.then(|| {
            let dispatcher = DispatcherOptions {
                worker: WorkerId::new("test"),
                slots: 64,
                lease: Duration::from_secs(30),
            };
            let options = SupervisorOptions {
                dispatcher,
                channels: Channels::default(),
                stands_by: None,
                keeps_time: true,
            };
            Supervisor::start(parts, options)
        });
        let options = McpOptions { wait: Duration::from_secs(20), ..McpOptions::default() };
        Self { service, catalog, gate, options, _loops: loops, _folder: folder }
    }

    /// The same host, with another bounded wait.
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.options.wait = wait;
        self
    }

    /// The same host, whose sessions are not notified of tools for so long.
    pub fn with_quiet(mut self, quiet: Duration) -> Self {
        self.options.quiet = quiet;
        self
    }

    /// The same host, which sends resources up to that size.
    pub fn with_resource_max(mut self, bytes: u64) -> Self {
        self.options.resource_bytes_max = bytes;
        self
    }

    /// A client with a pipe of its own.
    pub async fn client(&self, era: Era) -> Client {
        Client::connect(Arc::clone(&self.service), self.options.clone(), era).await
    }

    /// Lets jobs that hold report progress once more.
    pub fn move_on(&self) {
        self.gate.send_modify(|moved| *moved += if moved.is_multiple_of(2) { 1 } else { 2 });
    }

    /// Lets jobs that hold end.
    pub fn open_gate(&self) {
        self.gate.send_modify(|moved| *moved = (*moved / 2 + 1) * 2);
    }

    /// Puts another job type into the catalog.
    pub fn add_job_type(&self, name: &str) {
        self.catalog.add(name);
    }
}

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_ms(since.as_millis() as i64)
    }
}

struct TestCatalog {
    current: Mutex<Arc<Catalog>>,
    changes: watch::Sender<u64>,
    program: Arc<Scripted>,
}

impl TestCatalog {
    fn new(program: Scripted) -> Arc<Self> {
        let problem = Problem {
            file: "broken.wasm".into(),
            code: "blocked".into(),
            message: "it asks for data \"crm\"; write `data = [\"crm\"]` under [grants] in broken.toml"
                .into(),
            serving: None,
        };
        let catalog =
            Catalog { problems: BTreeMap::from([("broken".into(), problem)]), ..Catalog::default() };
        let this = Self {
            current: Mutex::new(Arc::new(catalog)),
            changes: watch::channel(0).0,
            program: Arc::new(program),
        };
        this.add("script");
        Arc::new(this)
    }

    fn add(&self, name: &str) {
        let job = LoadedJob {
            job_type: JobType {
                name: name.parse().unwrap(),
                version: "1.2.3".into(),
                title: "Does as told".into(),
                description: "Does what its input says.".into(),
                input_schema: json!({
                    "type": "object",
                    "properties": {
                        "do": { "type": "string" },
                        "times": { "type": "integer" },
                        "note": { "type": "string" },
                    },
                    "required": ["do"],
                }),
                output_schema: Some(json!({ "type": "object" })),
                permissions: vec![Permission {
                    kind: "outbox".into(),
                    target: "email".into(),
                    reason: "to tell".into(),
                }],
            },
            policy: Policy::default(),
            component: ComponentSha::new("0".repeat(64)),
            program: self.program.clone(),
        };
        let mut current = self.current.lock().unwrap();
        let mut catalog = Catalog::clone(&current);
        catalog.revision += 1;
        catalog.jobs.insert(name.parse().unwrap(), Arc::new(job));
        let revision = catalog.revision;
        *current = Arc::new(catalog);
        drop(current);
        self.changes.send_replace(revision);
    }
}

impl JobCatalog for TestCatalog {
    fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.lock().unwrap())
    }
}
