//! Compiling, off the hot path.
//!
//! A small component can take a compiler minutes and gigabytes. So compiling is done in a child process where the
//! host says how to start one: it can be killed, and it caps itself. Where there is a cache the child goes on although its
//! host ends (`making`); elsewhere nobody would find what it makes, and it ends with its host.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::engine::compiling_engine;
use crate::registry::cache::Scratch;
use crate::registry::confine::confine;
use crate::registry::making::{Turn, read_made, write_made};
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
/// network, and ends it when its time is over, or when its standard input ends if that is a pipe, so call it from a process
/// that does nothing else.
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
    let watching = end_in_time()?;
    let bytes = fs::read(input)?;
    let output = File::create(output)?;
    // From here on the component might find a fault of the compiler.
    confine();
    let _ = watching.recv();
    Ok(write_made(&output, &machine_code(&bytes).map_err(CompileError::Compile)?)?)
}

/// Ends this process when its time is over, for its host may be gone and nobody else does it; and before that, where its
/// standard input is a pipe, when nobody holds the other end of it any more. The receiver hears when the thread that looks
/// has given up its own rights.
fn end_in_time() -> io::Result<mpsc::Receiver<()>> {
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let ends_with_the_host = stdin.metadata()?.file_type().is_fifo();
    let (confined, watching) = mpsc::channel();
    thread::Builder::new().name("host-watch".into()).spawn(move || {
        confine();
        let _ = confined.send(());
        if ends_with_the_host {
            let mut stdin = io::stdin().lock();
            while stdin.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {}
        } else {
            thread::sleep(TIME_MAX);
        }
        std::process::exit(1);
    })?;
    Ok(watching)
}

fn machine_code(bytes: &[u8]) -> Result<Vec<u8>, String> {
    compiling_engine()
        .and_then(|engine| engine.precompile_component(bytes))
        .map_err(|error| format!("{error:#}"))
}

/// Tells a load that what it makes is not wanted any more, because the file has changed. Whatever else ends the load, the
/// compiler's work is of use to the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withdrawal(Arc<AtomicBool>);

impl Withdrawal {
    pub(crate) fn withdraw(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Compiles a component, in its turn where there is a cache to keep what is made.
pub(crate) async fn compile(
    shared: &Shared,
    turn: Option<&Turn>,
    bytes: Vec<u8>,
    withdrawal: &Withdrawal,
) -> Result<Vec<u8>, Refusal> {
    let compiled = match (&shared.compiler, turn) {
        (Some(program), Some(turn)) => by_lasting_child(program, turn, bytes, withdrawal).await,
        (Some(program), None) => match Scratch::temporary() {
            Ok(scratch) => by_child(program, &scratch, bytes).await,
            Err(error) => Err(format!("no room for the compiler's files: {error}")),
        },
        (None, _) => blocking(move || machine_code(&bytes)).await?,
    };
    compiled.map_err(|message| Refusal::new("compile_failed", format!("it cannot be compiled: {message}")))
}

/// By a child that ends with this process.
async fn by_child(program: &Path, scratch: &Scratch, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let (input, output) = (scratch.path().join("in.wasm"), scratch.path().join("out.made"));
    tokio::fs::write(&input, bytes).await.map_err(|error| error.to_string())?;
    let mut command = command(program, &input, &output);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| no_start(program, &error))?;
    // By its input it sees that the host is gone.
    let _held = child.stdin.take();
    succeed(&mut child).await?;
    read(output).await
}

/// By a child that goes on when this process ends, unless a child of another one has made the code.
async fn by_lasting_child(
    program: &Path,
    turn: &Turn,
    bytes: Vec<u8>,
    withdrawal: &Withdrawal,
) -> Result<Vec<u8>, String> {
    if let Some(code) = turn.made() {
        return Ok(code);
    }
    tokio::fs::write(&turn.input, bytes).await.map_err(|error| error.to_string())?;
    let (lock, place) = turn.to_inherit().map_err(|error| error.to_string())?;
    let mut command = command(program, &turn.input, &turn.output);
    // Who kills the host may kill its group.
    command.stdin(lock).stdout(place).process_group(0);
    let child = command.spawn().map_err(|error| no_start(program, &error))?;
    let mut lasting = Lasting { child, withdrawal };
    succeed(&mut lasting.child).await?;
    read(turn.output.clone()).await
}

/// A child that is ended only if nobody wants its work.
struct Lasting<'a> {
    child: Child,
    withdrawal: &'a Withdrawal,
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        if self.withdrawal.is_withdrawn() {
            let _ = self.child.start_kill();
        }
    }
}

/// The call of a compiler. Neither end of the MCP connection is any of its business.
fn command(program: &Path, input: &Path, output: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(SUBCOMMAND).args([input, output]).stderr(Stdio::piped()).env_clear();
    command
}

fn no_start(program: &Path, error: &io::Error) -> String {
    format!("the compiler {} does not start: {error}", program.display())
}

/// Waits for the end of a compiler, which must be good.
async fn succeed(child: &mut Child) -> Result<(), String> {
    let Ok((status, said)) = tokio::time::timeout(TIME_MAX, end_of(child)).await else {
        let _ = child.start_kill();
        return Err(format!("it takes the compiler more than {} seconds", TIME_MAX.as_secs()));
    };
    let status = status.map_err(|error| error.to_string())?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        let said = said.trim();
        let end: String = said.chars().skip(said.chars().count().saturating_sub(1_000)).collect();
        return Err(format!("the compiler ended with {status}: {end}"));
    }
    Ok(())
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

async fn read(output: PathBuf) -> Result<Vec<u8>, String> {
    let read = tokio::task::spawn_blocking(move || read_made(&output)).await;
    read.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
}
