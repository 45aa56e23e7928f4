//! Examining a component in a process of its own, off the hot path.
//!
//! A small component can take a compiler minutes and gigabytes. So all work on a component's bytes is done in a child process
//! where the host says how to start one: it can be killed, and it caps itself. Where there is a cache the child goes on
//! although its host ends (`making`); elsewhere nobody would find what it makes, and it ends with its host.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::linkers::Linkers;
use crate::registry::cache::Scratch;
use crate::registry::component_file::ComponentFile;
use crate::registry::confine::confine;
use crate::registry::examine::{self, Finding};
use crate::registry::folder::FileStamp;
use crate::registry::making::{Lane, Turn, read_made, write_made};
use crate::registry::refusal::Refusal;
use crate::sandbox::Shared;

/// Name of the host's hidden subcommand.
const SUBCOMMAND: &str = "compile-component";

/// How long a child may take that may compute for so many seconds: it shares the processor with others like it, and steps
/// back behind everybody else.
const fn time_max(cpu_seconds: u64) -> Duration {
    Duration::from_secs(60 + 10 * cpu_seconds)
}

const OUTPUT_BYTES_MAX: u64 = 1 << 30;

/// Bytes that are kept of what a compiling child says.
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// How much a compiling child steps back behind everybody else, and behind other compilers once it has not been quick.
const NICENESS_OF_THE_QUICK: i32 = 10;
const NICENESS_OF_THE_LATE: i32 = 15;
const NICENESS_OF_THE_SLOW: i32 = 19;
const LATE: Duration = Duration::from_secs(4);

/// Time between two looks at the file that a component was copied from.
const LOOK: Duration = Duration::from_millis(500);

/// What the child may take, by its environment.
const CPU_SECONDS: &str = "LONGSHORE_COMPILER_CPU_SECONDS";
const MEMORY_BYTES: &str = "LONGSHORE_COMPILER_MEMORY_BYTES";
/// The file that its component was copied from.
const SOURCE: &str = "LONGSHORE_COMPILER_SOURCE";
/// How much it steps back.
const NICENESS: &str = "LONGSHORE_COMPILER_NICENESS";

/// Threads of a compiler, each of which takes memory of its own.
const THREADS_MAX: usize = 4;

/// Compiling in a child process did not work out.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A file could not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// This machine did not let the component be compiled.
    #[error("{0}")]
    Compile(String),
}

/// Examines the component in the file `input` and writes what it found, the compiled code with it, to the file `output`: the
/// child process's side of what a sandbox with a `compiler` does. It caps the time and memory of the whole process, gives up
/// its rights to files and network, and ends it when its time is over, or when its standard input ends if that is a pipe, so
/// call it from a process that does nothing else.
pub fn compile_child(input: &Path, output: &Path) -> Result<(), CompileError> {
    let bytes_long = usize::try_from(fs::metadata(input)?.len()).unwrap_or(usize::MAX);
    let given = |name| std::env::var(name).ok().and_then(|value: String| value.parse::<u64>().ok());
    let cpu_seconds = given(CPU_SECONDS).unwrap_or_else(|| Lane::Slow.cpu_seconds_max(bytes_long));
    let memory_bytes = given(MEMORY_BYTES).unwrap_or_else(|| Lane::Slow.memory_bytes_max(bytes_long));
    let cap = |resource, current: u64, maximum: u64| {
        let rlimit = Rlimit { current: Some(current), maximum: Some(maximum) };
        rustix::process::setrlimit(resource, rlimit).map_err(io::Error::from)
    };
    // The soft limit ends it by a signal that tells why, the hard one by one that cannot be held off.
    cap(Resource::Cpu, cpu_seconds, cpu_seconds + 1)?;
    // Not its address space, of which it reserves as much as a host does.
    cap(Resource::Data, memory_bytes, memory_bytes)?;
    cap(Resource::Fsize, OUTPUT_BYTES_MAX, OUTPUT_BYTES_MAX)?;
    cap(Resource::Core, 0, 0)?;
    let source = Source::now()?;
    let niceness =
        given(NICENESS).and_then(|value| i32::try_from(value).ok()).unwrap_or(NICENESS_OF_THE_SLOW);
    let _ = rustix::process::nice(niceness);
    let watching = end_in_time(time_max(cpu_seconds), niceness, source)?;
    let bytes = fs::read(input)?;
    let output = File::create(output)?;
    // From here on the component might find a fault of the compiler.
    confine();
    let _ = watching.recv();
    let linkers = Linkers::new(1).map_err(|error| CompileError::Compile(format!("{error:#}")))?;
    let found = examine::examine(&Arc::new(linkers), &bytes).map_err(CompileError::Compile)?;
    Ok(write_made(&output, &found.to_bytes()?)?)
}

/// The file in a plugin folder that a component was copied from.
struct Source(Option<(PathBuf, FileStamp)>);

impl Source {
    /// As it is now; nothing is looked at where the call does not name it. An error if it is gone already.
    fn now() -> io::Result<Self> {
        let Some(path) = std::env::var_os(SOURCE).map(PathBuf::from) else { return Ok(Self(None)) };
        let stamp = FileStamp::at(&path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self(Some((path, stamp))))
    }

    /// Waits, or ends this process as soon as the file is another one or gone, and nobody wants to know any more what it was.
    fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        while let left = until.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            thread::sleep(left.min(LOOK));
            if self.0.as_ref().is_some_and(|(path, stamp)| FileStamp::at(path) != Some(*stamp)) {
                std::process::exit(1);
            }
        }
    }
}

/// Ends this process when its time is over, for its host may be gone and nobody else does it; and before that, where its
/// standard input is a pipe, when nobody holds the other end of it any more. The receiver hears when the threads that look
/// have given up their own rights.
fn end_in_time(most: Duration, niceness: i32, source: Source) -> io::Result<mpsc::Receiver<()>> {
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let ends_with_the_host = stdin.metadata()?.file_type().is_fifo();
    let (confined, watching) = mpsc::channel();
    thread::Builder::new().name("host-watch".into()).spawn(move || {
        confine();
        if ends_with_the_host {
            let reader = thread::Builder::new().name("host-end".into()).spawn(|| {
                let mut stdin = io::stdin().lock();
                while stdin.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {}
                std::process::exit(1);
            });
            if reader.is_err() {
                std::process::exit(1);
            }
        }
        let _ = confined.send(());
        source.wait(LATE);
        // All of its threads; a group of its own is that of this process alone.
        if niceness < NICENESS_OF_THE_LATE && rustix::process::getpgrp() == rustix::process::getpid() {
            let _ = rustix::process::setpriority_pgrp(None, NICENESS_OF_THE_LATE);
        }
        source.wait(most.saturating_sub(LATE));
        std::process::exit(1);
    })?;
    Ok(watching)
}

/// Why a component was not examined.
pub(super) enum ExamineError {
    /// It takes longer than the lane has for it; a slower one may have.
    TooSlow,
    /// This machine did not let it be done.
    Machine(String),
}

/// What a load and who asked for it tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadSignals(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    withdrawn: AtomicBool,
    compiling: AtomicBool,
}

impl LoadSignals {
    /// Tells that what the load makes is not wanted any more, because the file has changed. Whatever else ends the load, the
    /// compiler's work is of use to the next one.
    pub(crate) fn withdraw(&self) {
        self.0.withdrawn.store(true, Ordering::Release);
    }

    fn is_withdrawn(&self) -> bool {
        self.0.withdrawn.load(Ordering::Acquire)
    }

    /// Whether the component is not known yet, and is compiled, or waits for its turn to be.
    pub(crate) fn is_compiling(&self) -> bool {
        self.0.compiling.load(Ordering::Acquire)
    }

    /// Tells that the component is not known yet.
    pub(super) fn compiles(&self) {
        self.0.compiling.store(true, Ordering::Release);
    }
}

/// Examines a component, in its turn where there is a cache to keep what is found.
pub(super) async fn examine(
    shared: &Arc<Shared>,
    turn: Option<&Turn>,
    lane: Lane,
    file: &ComponentFile,
    signals: &LoadSignals,
) -> Result<Finding, ExamineError> {
    let Some(program) = &shared.compiler else { return within(shared, file).await };
    let machine = |error: io::Error| ExamineError::Machine(error.to_string());
    let ended = if let Some(turn) = turn {
        by_lasting_child(program, turn, lane, file, signals).await
    } else {
        let scratch = Scratch::temporary().map_err(machine)?;
        by_child(program, &scratch, lane, file).await
    };
    let seconds = lane.cpu_seconds_max(file.length);
    let unsound = |why: String| {
        Ok(Finding::Unsound(Refusal::new("compile_failed", format!("it cannot be compiled: {why}"))))
    };
    match ended.map_err(machine)? {
        Ended::Well(made) => Finding::from_bytes(made).map_err(machine),
        Ended::OutOfTime | Ended::Late(_) if lane == Lane::Quick => Err(ExamineError::TooSlow),
        Ended::Late(time) => {
            let message = format!("the compiler was not done after {} seconds", time.as_secs());
            Err(ExamineError::Machine(message))
        }
        Ended::OutOfTime => {
            unsound(format!("it takes the compiler more than {seconds} seconds of processor time"))
        }
        Ended::OutOfMemory => unsound(format!(
            "it takes the compiler more than {} MiB of memory",
            lane.memory_bytes_max(file.length) >> 20
        )),
        Ended::Crashed(why) => unsound(format!("the compiler fails on it: {why}")),
        Ended::Otherwise(why) => Err(ExamineError::Machine(why)),
    }
}

/// Within this process, for a host that says no program.
async fn within(shared: &Arc<Shared>, file: &ComponentFile) -> Result<Finding, ExamineError> {
    let (linkers, file) = (Arc::clone(&shared.linkers), file.clone());
    let found = tokio::task::spawn_blocking(move || {
        let bytes = file.bytes().map_err(|error| error.to_string())?;
        examine::examine(&linkers, &bytes)
    })
    .await;
    found.map_err(|error| error.to_string()).flatten().map_err(ExamineError::Machine)
}

/// How a child ended.
enum Ended {
    /// It found something out, which is this.
    Well(Vec<u8>),
    /// It computed for longer than it may.
    OutOfTime,
    /// It was not done after that time, because of others or because it waited.
    Late(Duration),
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// It fell over the component.
    Crashed(String),
    /// Somebody ended it, or it could not work.
    Otherwise(String),
}

impl Ended {
    /// How one ended that found nothing out, by its status and the end of what it said.
    fn badly(status: ExitStatus, said: &str) -> Self {
        let is = |signal: Signal| status.signal() == Some(signal.as_raw());
        let why = format!("the compiler ended with {status}: {said}");
        if is(Signal::XCPU) {
            Self::OutOfTime
        } else if is(Signal::ABORT) && said.contains("memory allocation of") {
            Self::OutOfMemory
        } else if [Signal::ABORT, Signal::SEGV, Signal::BUS, Signal::ILL, Signal::FPE].into_iter().any(is) {
            Self::Crashed(why)
        } else {
            Self::Otherwise(why)
        }
    }
}

/// Copies a component for a child, which gets no other file to see.
async fn copy(file: &ComponentFile, to: &Path) -> io::Result<()> {
    let (file, to) = (file.clone(), to.to_owned());
    tokio::task::spawn_blocking(move || file.copy_to(File::create(to)?))
        .await
        .map_err(io::Error::other)
        .flatten()
}

/// By a child that ends with this process.
async fn by_child(program: &Path, scratch: &Scratch, lane: Lane, file: &ComponentFile) -> io::Result<Ended> {
    let (input, output) = (scratch.path().join("in.wasm"), scratch.path().join("out.made"));
    copy(file, &input).await?;
    let mut command = command(program, lane, file, &input, &output);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| no_start(program, &error))?;
    // By its input it sees that the host is gone.
    let _held = child.stdin.take();
    ended(&mut child, lane, file.length, output).await
}

/// By a child that goes on when this process ends, unless a child of another one has found it out.
async fn by_lasting_child(
    program: &Path,
    turn: &Turn,
    lane: Lane,
    file: &ComponentFile,
    signals: &LoadSignals,
) -> io::Result<Ended> {
    if let Some(made) = turn.made() {
        return Ok(Ended::Well(made));
    }
    copy(file, &turn.input).await?;
    let (lock, place) = turn.to_inherit()?;
    let mut command = command(program, lane, file, &turn.input, &turn.output);
    command.stdin(lock).stdout(place);
    let child = command.spawn().map_err(|error| no_start(program, &error))?;
    let mut lasting = Lasting { child, signals };
    ended(&mut lasting.child, lane, file.length, turn.output.clone()).await
}

/// A child that is ended only if nobody wants its work.
struct Lasting<'a> {
    child: Child,
    signals: &'a LoadSignals,
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        if self.signals.is_withdrawn() {
            let _ = self.child.start_kill();
        }
    }
}

/// The call of a compiler. Neither end of the MCP connection is any of its business.
fn command(program: &Path, lane: Lane, file: &ComponentFile, input: &Path, output: &Path) -> Command {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let mut command = Command::new(program);
    command.arg(SUBCOMMAND).args([input, output]).stderr(Stdio::piped()).env_clear();
    command.env(CPU_SECONDS, lane.cpu_seconds_max(file.length).to_string());
    let niceness = if lane == Lane::Quick { NICENESS_OF_THE_QUICK } else { NICENESS_OF_THE_SLOW };
    command.env(NICENESS, niceness.to_string());
    command.env(MEMORY_BYTES, lane.memory_bytes_max(file.length).to_string());
    command.env(SOURCE, &file.path);
    command.env("RAYON_NUM_THREADS", threads.to_string()).env("MALLOC_ARENA_MAX", "2");
    // Who kills the host may kill its group.
    command.process_group(0);
    command
}

fn no_start(program: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the compiler {} does not start: {error}", program.display()))
}

/// Waits for the end of a compiler.
async fn ended(child: &mut Child, lane: Lane, bytes: usize, output: PathBuf) -> io::Result<Ended> {
    let most = time_max(lane.cpu_seconds_max(bytes));
    let Ok((status, said)) = tokio::time::timeout(most, end_of(child)).await else {
        let _ = child.start_kill();
        return Ok(Ended::Late(most));
    };
    let status = status?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        let said = said.trim();
        let end: String = said.chars().skip(said.chars().count().saturating_sub(1_000)).collect();
        return Ok(Ended::badly(status, &end));
    }
    let read = tokio::task::spawn_blocking(move || read_made(&output)).await;
    read.map_err(io::Error::other).flatten().map(Ended::Well)
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
