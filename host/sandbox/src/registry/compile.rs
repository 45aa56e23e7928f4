//! Compiling, off the hot path.
//!
//! A small component can take a compiler minutes and gigabytes. So compiling is done in a child process where the
//! host says how to start one: it can be killed, and it caps itself.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::engine::compiling_engine;
use crate::registry::cache::{Cache, Scratch};
use crate::registry::confine::confine;
use crate::registry::plugin::{Refusal, blocking};
use crate::sandbox::Shared;

/// Name of the host's hidden subcommand.
const SUBCOMMAND: &str = "compile-component";

/// What compiling one component may take.
const TIME_MAX: Duration = Duration::from_secs(180);
const CPU_SECONDS_MAX: u64 = 240;
const ADDRESS_SPACE_MAX: u64 = 6 << 30;
const OUTPUT_BYTES_MAX: u64 = 1 << 30;

/// Bytes that are kept of what a compiling child says.
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// How much a compiling child steps back behind everybody else.
const NICENESS: i32 = 10;

/// Compiling in a child process did not work out.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A file could not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The component cannot be compiled.
    #[error("{0}")]
    Compile(String),
}

/// Compiles the component in the file `input` and writes its code to the file `output`: the child process's side of
/// what a sandbox with a `compiler` does. It caps the time and memory of the whole process, gives up its rights to files and
/// network, and ends it when its standard input ends, so call it from a process that does nothing else.
pub fn compile_child(input: &Path, output: &Path) -> Result<(), CompileError> {
    let cap = |resource, most: u64| {
        let rlimit = Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, rlimit).map_err(io::Error::from)
    };
    cap(Resource::Cpu, CPU_SECONDS_MAX)?;
    cap(Resource::As, ADDRESS_SPACE_MAX)?;
    cap(Resource::Fsize, OUTPUT_BYTES_MAX)?;
    cap(Resource::Core, 0)?;
    let _ = rustix::process::nice(NICENESS);
    let watching = end_with_the_host()?;
    let bytes = fs::read(input)?;
    let mut output = File::create(output)?;
    // From here on the component might find a fault of the compiler.
    confine();
    let _ = watching.recv();
    output.write_all(&machine_code(&bytes).map_err(CompileError::Compile)?)?;
    Ok(())
}

/// Ends this process when nobody holds the other end of its standard input any more. A host that was killed cannot kill its
/// compilers, and a host that is killed again and again would leave ever more of them. The receiver hears when the thread
/// that looks has given up its own rights.
fn end_with_the_host() -> io::Result<mpsc::Receiver<()>> {
    let (confined, watching) = mpsc::channel();
    thread::Builder::new().name("host-watch".into()).spawn(move || {
        confine();
        let _ = confined.send(());
        let mut stdin = io::stdin().lock();
        while stdin.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {}
        std::process::exit(1);
    })?;
    Ok(watching)
}

fn machine_code(bytes: &[u8]) -> Result<Vec<u8>, String> {
    compiling_engine()
        .and_then(|engine| engine.precompile_component(bytes))
        .map_err(|error| format!("{error:#}"))
}

/// Compiles a component.
pub(crate) async fn compile(
    shared: &Shared,
    cache: Option<&Cache>,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, Refusal> {
    let compiled = match &shared.compiler {
        Some(program) => {
            let scratch = cache.map_or_else(Scratch::temporary, Cache::scratch);
            match scratch {
                Ok(scratch) => in_child(program, scratch, bytes).await,
                Err(error) => Err(format!("no room for the compiler's files: {error}")),
            }
        }
        None => blocking(move || machine_code(&bytes)).await?,
    };
    compiled.map_err(|message| Refusal::new("compile_failed", format!("it cannot be compiled: {message}")))
}

async fn in_child(program: &Path, scratch: Scratch, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let (input, output) = (scratch.path().join("in.wasm"), scratch.path().join("out.cwasm"));
    write(input.clone(), bytes).await.map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .args([&input, &output])
        // Neither end of the MCP connection is any of its business. By its input it sees that the host is gone.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .env_clear()
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the compiler {} does not start: {error}", program.display()))?;
    let _held = child.stdin.take();
    let Ok((status, said)) = tokio::time::timeout(TIME_MAX, end_of(&mut child)).await else {
        return Err(format!("it takes the compiler more than {} seconds", TIME_MAX.as_secs()));
    };
    let status = status.map_err(|error| error.to_string())?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        let said = said.trim();
        let end: String = said.chars().skip(said.chars().count().saturating_sub(1_000)).collect();
        return Err(format!("the compiler ended with {status}: {end}"));
    }
    tokio::fs::read(&output).await.map_err(|error| error.to_string())
}

/// How a child ended, and the beginning of what it said.
async fn end_of(child: &mut Child) -> (io::Result<ExitStatus>, Vec<u8>) {
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = (&mut stderr).take(SAID_BYTES_MAX).read_to_end(&mut said).await;
        // It must not wait for somebody who reads on.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    (child.wait().await, said)
}

async fn write(path: std::path::PathBuf, bytes: Vec<u8>) -> io::Result<()> {
    tokio::fs::write(path, bytes).await
}
