//! The sandbox: what all attempts share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use longshore_domain::{
    AnyRecipient, ArtifactFiles, CheckpointStore, Clock, HttpClient, NoHttp, NoSecrets, RecipientCheck,
    Secrets,
};

use crate::data::{Readers, Sources};
use crate::disk::Scratch;
use crate::host_api::Paces;
use crate::linkers::Linkers;

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Guests that run at once with memory from the pool; more than that still run, and start somewhat slower.
    pub max_instances: u32,
    /// Data sources: the SQLite file behind each name.
    pub sources: BTreeMap<String, PathBuf>,
    /// Directories that jobs may be granted to read: the folder behind each name.
    pub directories: BTreeMap<String, PathBuf>,
    /// Folder in which attempts have folders of their own, for as long as they run. Without one no job has any.
    pub scratch_dir: Option<PathBuf>,
    /// Names of the outbox channels that the host delivers through.
    pub channels: BTreeSet<String>,
    /// Which recipients those channels take.
    pub recipients: Arc<dyn RecipientCheck>,
    /// Secrets that jobs may be granted.
    pub secrets: Arc<dyn Secrets>,
    /// What makes the calls of jobs to the web.
    pub http: Arc<dyn HttpClient>,
    /// Folder for compiled code, readable and writable by its owner only. Without one nothing is cached, and
    /// components are compiled within this process.
    pub cache_dir: Option<PathBuf>,
    /// Program that compiles a component in a process of its own when it is called as `PROGRAM compile-component IN
    /// OUT` (see [`compile_child`](crate::compile_child)). Without one, components are compiled within this process.
    pub compiler: Option<PathBuf>,
    /// Program that runs the queries of an attempt in a process of their own when it is called as `PROGRAM serve-queries` with
    /// a socket for its standard input (see [`query_child`](crate::query_child)). Without one they run within this process,
    /// where a query in the middle of a long step outlives its attempt.
    pub reader: Option<PathBuf>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            max_instances: 64,
            sources: BTreeMap::new(),
            directories: BTreeMap::new(),
            scratch_dir: None,
            channels: BTreeSet::new(),
            recipients: Arc::new(AnyRecipient),
            secrets: Arc::new(NoSecrets),
            http: Arc::new(NoHttp),
            cache_dir: None,
            compiler: None,
            reader: None,
        }
    }
}

/// The sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0}")]
pub struct SandboxError(String);

impl SandboxError {
    pub(crate) fn new(error: &wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// Runs components. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) shared: Arc<Shared>,
}

/// What attempts share.
pub(crate) struct Shared {
    pub(crate) linkers: Arc<Linkers>,
    /// How fast the jobs of each type save.
    pub(crate) paces: Paces,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) files: Arc<dyn ArtifactFiles>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sources: Sources,
    pub(crate) readers: Arc<Readers>,
    pub(crate) directories: BTreeMap<String, PathBuf>,
    pub(crate) scratch: Arc<Scratch>,
    pub(crate) channels: BTreeSet<String>,
    pub(crate) recipients: Arc<dyn RecipientCheck>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) compiler: Option<PathBuf>,
}

impl Sandbox {
    /// A sandbox whose attempts commit to `store`, keep their files in `files` and read the time from `clock`.
    pub fn new(
        options: SandboxOptions,
        store: Arc<dyn CheckpointStore>,
        files: Arc<dyn ArtifactFiles>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SandboxError> {
        let linkers = Linkers::new(options.max_instances.max(1)).map_err(|e| SandboxError::new(&e))?;
        Ok(Self {
            shared: Arc::new(Shared {
                linkers: Arc::new(linkers),
                paces: Paces::default(),
                store,
                files,
                clock,
                sources: Sources::new(options.sources),
                readers: Readers::new(options.reader),
                directories: options.directories,
                scratch: Arc::new(Scratch::new(options.scratch_dir)),
                channels: options.channels,
                recipients: options.recipients,
                secrets: options.secrets,
                http: options.http,
                cache_dir: options.cache_dir,
                compiler: options.compiler,
            }),
        })
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("sources", &self.shared.sources).finish_non_exhaustive()
    }
}
