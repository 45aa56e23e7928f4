//! MCP: how agents submit jobs and follow them.
//!
//! From the pipe inwards: [`line`] turns lines into typed requests and answers back into lines; [`front`] is the handler
//! that rmcp calls for each; `job_tool`, `own`, `tasks`, `resources` and `listen` serve one kind of request each, by asking
//! the `TaskService`; `convert` alone puts what it says into the types of the protocol. A connection holds no state: what a
//! client can lose with it is only its pipe. What is spoken, and why so, is in `docs/protocol.md`.

mod answer;
mod arguments;
mod caller;
mod convert;
mod front;
mod identity;
mod job_tool;
mod line;
mod listen;
mod own;
mod page;
mod refusal;
mod resources;
mod stdio;
mod tasks;
mod tools;
mod uri;
mod wait;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use longshore_domain::Owner;
use longshore_scheduler::TaskService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use front::Front;
use line::{HungUp, InFlight, LineOptions};

/// How long answers that are being made may take once the connection closes.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// How a connection is set up.
#[derive(Clone, Debug)]
pub struct McpOptions {
    /// How long after its request the tool of a job type answers at the latest, with how its job is then. Several agents
    /// give up on a tool after 5 s.
    pub wait: Duration,
    /// Whose jobs these are.
    pub owner: Owner,
    /// Bytes of one incoming message at most.
    pub message_bytes_max: usize,
    /// Bytes of an artifact at most that is sent as a resource; a larger one is answered with its path.
    pub resource_bytes_max: u64,
    /// Progress of one request is told this often at most.
    pub progress_every: Duration,
    /// How long a session that has not asked for the list of tools is not notified of changes.
    pub quiet: Duration,
}

impl Default for McpOptions {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            wait: Duration::from_secs(3),
            owner: Owner::local(),
            message_bytes_max: 32 * MIB as usize,
            resource_bytes_max: 16 * MIB,
            progress_every: Duration::from_millis(200),
            quiet: Duration::from_secs(1),
        }
    }
}

/// Serves MCP over the process's standard input and output until the input ends or nobody waits for this any more.
///
/// The connection has a thread of its own. Whatever the jobs of the process do, its requests are read and answered; and
/// none of them changes threads between its line and the store.
pub async fn serve_stdio(service: Arc<TaskService>, options: McpOptions) -> anyhow::Result<()> {
    let (mut done, served) = oneshot::channel();
    thread::Builder::new()
        .name("mcp".into())
        .spawn(move || {
            let ended =
                Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from).and_then(
                    |runtime| {
                        let ended = runtime.block_on(async {
                            let (input, output) = (stdio::stdin()?, stdio::stdout()?);
                            let hung_up = stdio::stdin_hung_up()?;
                            tokio::select! {
                                ended = serve_until(service, options, input, output, hung_up) => ended,
                                () = done.closed() => Ok(()),
                            }
                        });
                        // A thread that still reads a terminal would otherwise keep this one from ending.
                        runtime.shutdown_background();
                        ended
                    },
                );
            let _ = done.send(ended);
        })
        .context("cannot start the thread that serves the client")?;
    served.await.context("the thread that serves the client is gone")?
}

/// Serves MCP over a pipe until the input ends. Requests that wait for something are answered at once then, with how things
/// are; jobs go on wherever they run.
pub async fn serve<R, W>(
    service: Arc<TaskService>,
    options: McpOptions,
    input: R,
    output: W,
) -> anyhow::Result<()>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    serve_until(service, options, input, output, Box::new(|| false)).await
}

async fn serve_until<R, W>(
    service: Arc<TaskService>,
    options: McpOptions,
    input: R,
    output: W,
    hung_up: HungUp,
) -> anyhow::Result<()>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let closing = CancellationToken::new();
    // Whoever drops this future closes the connection.
    let _closed = closing.clone().drop_guard();
    let in_flight = Arc::new(InFlight::default());
    let transport = line::open(
        input,
        output,
        LineOptions {
            line_bytes_max: options.message_bytes_max,
            closing: closing.clone(),
            in_flight: Arc::clone(&in_flight),
            hung_up,
        },
    );
    let front = Front::new(service, options, closing.clone(), in_flight);
    let running = rmcp::service::serve_directly(front, transport, None);
    let overdue = async {
        closing.cancelled().await;
        tokio::time::sleep(CLOSE_MAX).await;
    };
    tokio::select! {
        ended = running.waiting() => ended.map(drop).context("the MCP connection failed"),
        () = overdue => {
            tracing::warn!("the MCP connection was closed although some requests had no answer yet");
            Ok(())
        }
    }
}
